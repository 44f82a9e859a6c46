"""Ports of loopback that lead to users' servers, for a hub or a proxy that reaches no UNIX socket.

systemd takes a port before anybody is told of it, and keeps it while the server behind it starts, fails or ends: no
other account of the host has a moment in which to answer there. What else the units have is a drop-in of the role.
"""

from __future__ import annotations

import pathlib

from jupyterhub.utils import random_port

from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.programs import run

ADDRESS = "127.0.0.1"
# Somebody may take the port that was free, or all of them.
ATTEMPTS = 10
FORWARDER = "/usr/lib/systemd/systemd-socket-proxyd"
# A websocket for each kernel and terminal of each page that is open, and what an application asks; the default is 256.
CONNECTIONS = 1024


class PortError(StartError):
    """Why there is no port for a server."""


async def hold(unit: str, socket: str) -> int:
    """A port that leads to `socket` from now on.

    `unit` is the name of a service, which begins with the first connection, and holds no port yet. Raises PortError.
    """
    said = b""
    for _attempt in range(ATTEMPTS):
        try:
            port = random_port()
        except OSError as error:
            said = str(error).encode()
            continue
        status, said = await run(_holding(unit, socket, port))
        if status == 0:
            return port
    raise PortError(
        f"No port of this host could be had for the server ({said.decode(errors='replace').strip()}). "
        "Ask the administrator."
    )


def _holding(unit: str, socket: str, port: int) -> list[str]:
    return [
        *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
        f"--property=BindReadOnlyPaths={pathlib.Path(socket).parent}",
        f"--socket-property=ListenStream={ADDRESS}:{port}",
        *(FORWARDER, f"--connections-max={CONNECTIONS}", socket),
    ]
