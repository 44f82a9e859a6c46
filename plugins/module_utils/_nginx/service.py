# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's nginx: tests a configuration that is not on disk yet, and loads the one that is."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ansible_collections.nbops.jupyter.plugins.module_utils._nginx import files as nginx_files
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx import parser
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.files import TargetFile
from ansible_collections.nbops.jupyter.plugins.module_utils._process import namespaces

SERVICE = "nginx.service"
# New workers start within milliseconds of a reload, but before that nginx reads every certificate of the host.
RELOAD_SECONDS = 30
_ERROR_LOG = "/var/log/nginx/error.log"


class NginxError(Exception):
    """nginx does not accept a configuration; the text says why."""


class Nginx:
    """`run` is an AnsibleModule's run_command, `executable` the path of nginx."""

    def __init__(self, run: Callable[..., tuple[int, str, str]], executable: str) -> None:
        self._run = run
        self._executable = executable

    def validate(self, directory: str, files: Sequence[TargetFile], logs: Iterable[str]) -> str:
        """Tests the host's whole configuration with files below a directory as they shall be; raises NginxError.

        Returns the path of the error log. Nothing on disk changes: `logs` that do not exist yet are removed again,
        as nginx creates all log files when it tests a configuration.
        """
        configuration = [file for file in files if file.is_configuration]
        with _without_new(logs), _staged(directory, configuration) as replacements:
            rc, dump, messages = self._test(replacements)
            if rc != 0:
                raise NginxError(f"nginx refuses the configuration:\n{messages.strip()}")
            parsed = parser.parse(dump)
            _require_included(directory, configuration, {file.path for file in parsed})
            clashes = conflicting_names(messages)
            if clashes:
                # Those that the host has already are not ours to refuse.
                clashes -= conflicting_names(self._test({})[2])
        if clashes:
            raise NginxError(f"Another site of the host has the same name. nginx says: {'; '.join(sorted(clashes))}")
        paths = (arguments[0] for _file, arguments in parser.values(parsed, "error_log"))
        return next((path for path in paths if path.startswith("/")), _ERROR_LOG)

    def _test(self, replacements: Mapping[str, str]) -> tuple[int, str, str]:
        """The status, the whole configuration and the messages, with other directories in the place of some."""
        return self._run(namespaces.command(replacements, [self._executable, "-T", "-q"]))

    def master(self) -> int:
        """The process id of the running service; 0 if it is stopped."""
        out = self._run(["systemctl", "show", "--property=MainPID", "--value", SERVICE])[1]
        return int(out.strip() or 0)

    def reload(self, error_log: str) -> bool:
        """Reloads the service and waits for its new workers; returns False if it is stopped.

        Raises NginxError if it keeps the old configuration.
        """
        master = self.master()
        if not master:
            return False
        old_workers = children(master)
        log_size = os.path.getsize(error_log) if os.path.exists(error_log) else 0
        rc, out, err = self._run(["systemctl", "reload", SERVICE])
        if rc != 0:
            raise NginxError(out + err)

        deadline = time.monotonic() + RELOAD_SECONDS
        while not children(master) - old_workers:
            # Only now nginx notices, for example, that another program uses a port.
            messages = emergencies(error_log, log_size)
            if messages or time.monotonic() > deadline:
                raise NginxError(messages or f"It started no new worker within {RELOAD_SECONDS} seconds.")
            time.sleep(0.02)
        return True


def children(parent: int) -> set[str]:
    """The children of a process, as paths of their `stat` files."""
    found = set()
    for path in glob.glob("/proc/[0-9]*/stat"):
        # A process that has ended has no file any more.
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
            # The second field, the command in parentheses, can contain anything.
            if stream.read().rpartition(")")[2].split()[1] == str(parent):
                found.add(path)
    return found


def emergencies(log: str, position: int) -> str:
    """The lines of a log from a position on that say why nginx gave up."""
    try:
        with open(log, encoding="utf-8", errors="replace") as stream:
            stream.seek(position)
            return "".join(line for line in stream if "[emerg]" in line)
    except FileNotFoundError:
        return ""


def conflicting_names(messages: str) -> set[str]:
    """Names that two sites use on one address; nginx only warns and ignores the second site."""
    return set(re.findall(r'conflicting server name "[^"]*" on [^\s,]+', messages))


@contextlib.contextmanager
def _staged(directory: str, files: Iterable[TargetFile]) -> Iterator[dict[str, str]]:
    """Copies the directories of files and changes the copies; gives the copies by the paths that they replace."""
    by_place = defaultdict(list)
    for file in files:
        place, name = os.path.split(os.path.join(directory, file.name))
        by_place[place].append(TargetFile(name, file.data))
    with tempfile.TemporaryDirectory() as parent:
        copies = {place: os.path.join(parent, str(number)) for number, place in enumerate(by_place)}
        for place, copy in copies.items():
            if not os.path.isdir(place):
                raise NginxError(f"{place} does not exist: this nginx keeps its configuration elsewhere.")
            shutil.copytree(place, copy, symlinks=True)
            nginx_files.write(copy, by_place[place])
        yield copies


@contextlib.contextmanager
def _without_new(paths: Iterable[str]) -> Iterator[None]:
    """Removes those files afterwards that did not exist before."""
    missing = [path for path in paths if not os.path.exists(path)]
    try:
        yield
    finally:
        for path in missing:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _require_included(directory: str, files: Iterable[TargetFile], included: set[str]) -> None:
    for file in files:
        path = os.path.join(directory, file.name)
        if file.data is not None and path not in included:
            place = os.path.dirname(path)
            raise NginxError(f"nginx does not read {path}: nginx.conf does not include {place}/*.conf.")
