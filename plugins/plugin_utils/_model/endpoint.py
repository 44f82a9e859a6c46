# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that a server listens on: the one place that knows how to read and write it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
LOCAL = {4: "127.0.0.1", 6: "[::1]"}
# What is written for a UNIX socket, whose path follows from the server's name.
UNIX = "unix"
# On a busy machine, as at its boot, a server of Jupyter takes more than a minute; one that ends is noticed at once.
START_SECONDS = 180


@dataclass(frozen=True)
class Endpoint:
    """A host and port, or a UNIX socket. An IPv6 host stands in brackets."""

    host: str = ""
    port: int = 0
    socket: str = ""

    @classmethod
    def parse(cls, text: str, socket: str = "") -> Endpoint:
        """From `unix`, which stands for `socket`, or `host:port`. Raises ValueError for anything else."""
        if text == UNIX and socket:
            return cls(socket=socket)
        match = ADDRESS.fullmatch(text)
        if not match or not 0 < int(match["port"]) < 65536:
            raise ValueError(f"'{text}' is not an address and port (1 to 65535) such as 127.0.0.1:8888")
        return cls(match["host"], int(match["port"]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this host reaches it."""
        address = self._address()
        return bool(self.socket) or (address.is_loopback if address else self.host == "localhost")

    @property
    def ip(self) -> str:
        """The host as programs want it that take the port apart from it."""
        return self.host.strip("[]")

    @property
    def connect(self) -> str:
        """Where a client on this host connects to: `host:port`, or the socket's path."""
        address = self._address()
        host = LOCAL[address.version] if address and address.is_unspecified else self.host
        return self.socket or f"{host}:{self.port}"

    @property
    def bind(self) -> str:
        """Where a `.socket` unit of systemd listens: an IP address in place of `localhost`."""
        return self.socket or f"{LOCAL[4] if self.host == 'localhost' else self.host}:{self.port}"

    @property
    def upstream(self) -> str:
        """Where nginx connects to, in its own words."""
        return f"unix:{self.socket}" if self.socket else self.connect

    def ready(self, path: str, scheme: str = "http") -> dict[str, str]:
        """What the readiness check of a unit asks, see the option `ready` of the systemd role."""
        if self.socket:
            return {"socket": self.socket, "url": f"{scheme}://localhost{path}"}
        return {"url": f"{scheme}://{self.connect}{path}"}

    def _address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address(self.ip)
        except ValueError:
            return None
