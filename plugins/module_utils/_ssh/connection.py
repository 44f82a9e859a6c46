# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH connection over which a module runs, which sudo takes out of the environment."""

from __future__ import annotations

import os
from typing import NamedTuple


class Connection(NamedTuple):
    client: str
    client_port: int
    server: str
    server_port: int


def current() -> Connection | None:
    """The connection that the nearest parent knows of; None if the module does not run over SSH."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found = parse(file.read())
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                # The second field, the command in parentheses, may itself hold anything.
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            return None
        if found:
            return found
    return None


def parse(environment: bytes) -> Connection | None:
    """From a process's environment as the kernel shows it."""
    for entry in environment.split(b"\0"):
        name, _equals, value = entry.partition(b"=")
        fields = value.decode(errors="replace").split()
        if name == b"SSH_CONNECTION" and len(fields) == 4:
            return Connection(fields[0].partition("%")[0], int(fields[1]), fields[2].partition("%")[0], int(fields[3]))
    return None
