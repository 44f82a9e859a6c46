# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs foreign code for root: as an account that exists only while it runs, in the standard sandbox of services."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import STANDARD, as_options, values_of

ENVIRONMENT_FILES = "/run"  # in memory
_STOP_SECONDS = 10
_LONGEST_SECONDS = 4 * 3600  # a build that nobody waits for any more ends some time
_WITHOUT_INPUT = ("/bin/sh", "-c", 'exec "$@" </dev/null', "sh")


@dataclass(frozen=True)
class Sandbox:
    """What foreign code may do beside running.

    Of the directories in `given`, all that is not root's own file belongs to the code while it runs. What is in `shown`
    it can read, wherever that is. Both are absolute paths without characters that systemd would read; one of the form
    PATH:PLACE is seen elsewhere. Of a file in `copies`, which root alone may be able to reach, the code gets a copy,
    which is named by each variable of its environment that names the file. Without `network` there is none, not even
    the host's loopback.
    """

    given: Sequence[str] = ()
    shown: Sequence[str] = ()
    copies: Sequence[str] = ()
    network: bool = False

    @contextlib.contextmanager
    def command(
        self, argv: Sequence[str], environment: Mapping[str, str], cwd: str = "/", reads: bool = False
    ) -> Iterator[list[str]]:
        """The command that runs another one in the sandbox, and ends with its status when all its processes have ended.

        Output is passed on, and standard input to a program that reads it: it may be the terminal of root. HOME and
        TMPDIR name a small empty directory that is gone afterwards, unless `environment` says otherwise.
        """
        name = f"nbops-foreign-{secrets.token_hex(6)}"
        credentials = {path: f"copy-{number}" for number, path in enumerate(self.copies)}
        places = {path: f"/run/credentials/{name}.service/{copy}" for path, copy in credentials.items()}
        environment = {key: places.get(value, value) for key, value in environment.items()}
        environment = {"HOME": f"/run/{name}", "TMPDIR": f"/run/{name}", **environment}
        # A file of root, because every account can read the environment of a unit and the arguments of a program.
        with tempfile.NamedTemporaryFile("w", prefix=f"{name}-", dir=ENVIRONMENT_FILES, encoding="utf-8") as file:
            file.writelines(f"{key}={_quoted(value)}\n" for key, value in environment.items())
            file.flush()
            properties = {**STANDARD, **self._properties(name), "EnvironmentFile": file.name, "WorkingDirectory": cwd}
            properties["LoadCredential"] = [f"{copy}:{path}" for path, copy in credentials.items()]
            yield [
                *([] if reads else _WITHOUT_INPUT),
                # By its path: the environment that it is started with may name directories of foreign code.
                *("/usr/bin/systemd-run", "--quiet", "--collect", "--wait", "--pipe", f"--unit={name}"),
                f"--description=Foreign code, for Ansible: {argv[0]}",
                *as_options(properties),
                "--",
                # systemd would replace variables in the arguments.
                *(argument.replace("$", "$$") for argument in argv),
            ]

    def _properties(self, name: str) -> dict[str, object]:
        shown = [*values_of(STANDARD["BindReadOnlyPaths"]), *self.shown]
        properties: dict[str, object] = {
            "Type": "exec",
            "DynamicUser": True,
            "RuntimeDirectory": name,
            "UMask": "0022",
            "TimeoutStopSec": _STOP_SECONDS,
            "RuntimeMaxSec": _LONGEST_SECONDS,
            "BindPaths": list(self.given),
            "BindReadOnlyPaths": shown,
        }
        places = [path.lstrip("-").rpartition(":")[2] for path in (*self.given, *self.shown)]
        if closed := sorted({_closed(place) for place in places} - {""}):
            hidden = values_of(STANDARD["TemporaryFileSystem"])
            properties["TemporaryFileSystem"] = [*hidden, *(f"{directory}:ro" for directory in closed)]
        if not self.network:
            properties["PrivateNetwork"] = True
        if self.given:
            # Root's own files stay root's: they may be hard links into a cache. A plus sign takes the sandbox away, but
            # not what the unit binds and hides, so `find` sees what the code will see.
            places = " ".join(path.rpartition(":")[2] for path in self.given)
            theirs = "( -type d -o ! -user root ) -exec /usr/bin/chown --no-dereference"
            properties["ExecStartPre"] = f"+/usr/bin/find {places} {theirs} --reference=/run/{name} {{}} +"
        return properties


def _closed(place: str) -> str:
    """The first directory on the way to a place that the account of foreign code could not enter; empty for none.

    Nothing there is for that account, so an empty one stands in its place, with what is bound.
    """
    parts = place.strip("/").split("/")
    for count in range(1, len(parts)):
        directory = "/" + "/".join(parts[:count])
        if os.path.isdir(directory) and not os.stat(directory).st_mode & stat.S_IXOTH:
            return directory
    return ""


def _quoted(value: str) -> str:
    """A value as EnvironmentFile= reads it."""
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
