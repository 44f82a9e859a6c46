# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions and orders to the host's systemd."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from datetime import datetime, timezone

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import INSTALL_FOLDERS, is_template

ROOT = "/etc/systemd/system"
PROPERTIES = (
    "LoadState",
    "ActiveState",
    "Result",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "Triggers",
    "ExecMainStartTimestamp",
    "InactiveExitTimestamp",
    "NRestarts",
)
STARTED = ("active", "reloading", "refreshing")
RUNNING = (*STARTED, "activating")
JOURNAL_LINES = 30
LAST_WORDS = 5
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_LOG_LEVEL": "info",
    "SYSTEMD_LOG_TARGET": "console",
}


class SystemdError(Exception):
    """systemd refuses something or does not do it; the text is for the user."""


class Host:
    """The host's systemd, asked through its command line tools.

    run_command is that of an AnsibleModule: a command's status, output and messages.
    """

    def __init__(self, run_command: Callable[..., tuple[int, str, str]]):
        self._run_command = run_command

    def systemctl(self, *arguments: str) -> str:
        status, out, err = self._run("systemctl", *arguments)
        if status != 0:
            raise SystemdError(f"systemctl {' '.join(arguments)} failed: {(err or out).strip()}")
        return out

    def show(self, names: list[str]) -> dict[str, dict[str, str]]:
        """Properties by unit. A template has none; a unit that nobody knows has the LoadState not-found."""
        names = [name for name in dict.fromkeys(names) if not is_template(name)]
        if not names:
            return {}
        out = self.systemctl("show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", *names)
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in out.strip().split("\n\n")]
        return dict(zip(names, blocks))

    def active(self, *patterns: str) -> list[str]:
        """The names of the units that run, of those that one of the patterns matches."""
        out = self.systemctl("list-units", "--plain", "--no-legend", "--state=active", "--", *patterns)
        return sorted(line.split()[0] for line in out.splitlines() if line.strip())

    def verify(self, names: list[str], stage: str | None = None) -> list[str]:
        """What systemd-analyze says about units, with the files of the folder stage standing before the host's."""
        environment = {"SYSTEMD_UNIT_PATH": f"{stage}:"} if stage else {}
        status, out, err = self._run("systemd-analyze", "verify", "--man=no", "--", *names, **environment)
        lines = list(dict.fromkeys(line.strip() for line in (out + err).splitlines() if line.strip()))
        if status != 0 and not lines:
            raise SystemdError(f"systemd-analyze verify ended with status {status} without a message.")
        return lines

    def stop(self, names: list[str]) -> None:
        """Stop units, also all that a pattern matches, and forget their failures."""
        self.systemctl("stop", "--", *names)
        # Fails for units that left nothing behind to forget, and forgets the others.
        self._run("systemctl", "reset-failed", "--", *names)

    def bring_up(self, verb: str, names: list[str]) -> None:
        """Start or restart units; raise SystemdError with the journal of those that are not up afterwards."""
        _status, out, err = self._run("systemctl", verb, "--", *names)
        state = self.show(names)
        down = [name for name in names if state[name]["ActiveState"] not in STARTED]
        if down:
            raise SystemdError(
                "\n".join([*(self._report(name, verb, state[name]) for name in down), (out + err).strip()])
            )

    def last_words(self, name: str) -> str:
        """The last lines that the processes of a service wrote themselves; empty if there are none."""
        self._run("journalctl", "--sync")
        lines = (f"--lines={LAST_WORDS}", "--output=cat", "--no-pager")
        status, out, _err = self._run("journalctl", f"_SYSTEMD_UNIT={name}", *lines)
        return out.strip() if status == 0 else ""

    def _report(self, name: str, verb: str, now: dict[str, str]) -> str:
        self._run("journalctl", "--sync")
        _status, out, err = self._run("journalctl", f"--unit={name}", f"--lines={JOURNAL_LINES}", "--no-pager")
        result = now.get("Result", "unknown")
        return f"{name} is {now['ActiveState']} after systemctl {verb} (result: {result}):\n{(out or err).strip()}"

    def _run(self, *command: str, **environment: str) -> tuple[int, str, str]:
        return self._run_command(list(command), environ_update={**ENVIRONMENT, **environment})


def loaded_files(now: dict[str, str]) -> list[str]:
    """The unit file and the drop-ins from which systemd has loaded a unit."""
    return [path for path in [now["FragmentPath"], *now["DropInPaths"].split()] if path]


def started_at(now: dict[str, str]) -> float:
    """When a running unit was started, in seconds; of a service, its current main process. Infinity if unknown."""
    text = now.get("ExecMainStartTimestamp") or now["InactiveExitTimestamp"]
    if not text:
        return float("inf")
    moment = datetime.strptime(text.split(" ", 1)[1], "%Y-%m-%d %H:%M:%S.%f UTC")
    return moment.replace(tzinfo=timezone.utc).timestamp()


def existing_links(name: str) -> set[str]:
    """The links below /etc/systemd/system by which other units pull this one in."""
    patterns = [f"{ROOT}/*.{folder}/{glob.escape(name)}" for folder in INSTALL_FOLDERS.values()]
    return {os.path.relpath(path, ROOT) for pattern in patterns for path in glob.glob(pattern)}


def mentions(line: str, name: str) -> bool:
    """Whether a message speaks of a unit; of a template, whether it speaks of any instance."""
    return bool(re.search(r"(?<![\w:.\\@-])" + re.escape(name.split("@.")[0]), line))
