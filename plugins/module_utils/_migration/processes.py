# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds and ends Jupyter servers that were started by hand: in a terminal, in screen, by nohup."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import time
from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._migration.discover import read_command

PROC = "/proc"
TERMINATION_SECONDS = 20.0


@dataclass(frozen=True)
class Process:
    """A process; `directory` is its working directory."""

    pid: int
    command: str
    directory: str


def outside_units(uid: int) -> list[Process]:
    """The Jupyter servers of an account that run outside of system units."""
    found = []
    for name in sorted(filter(str.isdigit, os.listdir(PROC)), key=int):
        # A process may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            place = os.path.join(PROC, name)
            if os.stat(place).st_uid == uid and not _belongs_to_unit(place):
                command = _command(place)
                # The working directory of other processes may be hidden even from root.
                if read_command(command):
                    found.append(Process(int(name), command, os.readlink(os.path.join(place, "cwd"))))
    return found


def _belongs_to_unit(place: str) -> bool:
    with open(os.path.join(place, "cgroup"), encoding="utf-8") as file:
        return any(
            part.endswith(".service") for part in file.read().replace("\n", "/").split("/") if "user@" not in part
        )


def _command(place: str) -> str:
    with open(os.path.join(place, "cmdline"), "rb") as file:
        return shlex.join(file.read().rstrip(b"\0").decode(errors="replace").split("\0"))


def end(processes: list[Process]) -> None:
    """Terminates processes, and kills those that do not end in time. Raises OSError if one survives.

    Another process of the host may get the number of one that has ended, so each is held open by its descriptor.
    """
    with contextlib.ExitStack() as closing:
        left = {}
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                left[process.pid] = os.pidfd_open(process.pid)
                closing.callback(os.close, left[process.pid])
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + TERMINATION_SECONDS
            for descriptor in left.values():
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, number)
            while left and (rest := deadline - time.monotonic()) > 0:
                # A process counts as ended also while its parent does not know yet.
                ended = select.select(list(left.values()), [], [], rest)[0]
                left = {pid: descriptor for pid, descriptor in left.items() if descriptor not in ended}
        if left:
            raise OSError(f"{', '.join(map(str, left))} cannot be ended.")
