# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on an address of this host."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pwd
import re
from collections.abc import Iterator
from dataclasses import dataclass

PROC = "/proc"
LISTENS = "0A"
ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[0-9.]+):(?P<port>[0-9]+)")


@dataclass(frozen=True)
class Process:
    """A process that listens: its number, its name, whose it is, and the unit that it belongs to, if any."""

    number: int
    name: str
    account: str
    unit: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.number} of {self.account}{f', {self.unit}' if self.unit else ''})"


def listening_on(stream: str) -> list[Process]:
    """The processes that listen on `address:port`, also those that do on all addresses; of other streams, none."""
    match = ADDRESS.fullmatch(stream)
    if not match:
        return []
    address = ipaddress.ip_address(match["host"].strip("[]"))
    inodes = {
        inode
        for other, port, inode in _listeners()
        if port == int(match["port"]) and (other == address or other.is_unspecified or address.is_unspecified)
    }
    return list(_holders(inodes)) if inodes else []


def _listeners() -> Iterator[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int, str]]:
    """Address, port and inode of each TCP socket that listens."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError), open(f"{PROC}/net/{table}", encoding="ascii") as file:
            for line in list(file)[1:]:
                fields = line.split()
                if fields[3] == LISTENS:
                    host, _colon, port = fields[1].partition(":")
                    yield _address(host), int(port, 16), fields[9]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The kernel writes an address as numbers of four bytes in the order of the machine."""
    raw = bytes.fromhex(text)
    return ipaddress.ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4)))


def _holders(inodes: set[str]) -> Iterator[Process]:
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for number in sorted(filter(str.isdigit, os.listdir(PROC)), key=int):
        place = f"{PROC}/{number}"
        # A process may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if any(os.readlink(f"{place}/fd/{one}") in sockets for one in os.listdir(f"{place}/fd")):
                yield _process(int(number), place)


def _process(number: int, place: str) -> Process:
    uid = os.stat(place).st_uid
    with open(f"{place}/comm", encoding="utf-8", errors="replace") as file:
        name = file.read().strip()
    with open(f"{place}/cgroup", encoding="utf-8") as file:
        parts = file.read().replace("\n", "/").split("/")
    try:
        account = pwd.getpwuid(uid).pw_name
    except KeyError:
        account = str(uid)
    return Process(number, name, account, next((part for part in reversed(parts) if part.endswith(".service")), ""))
