"""The units that lead to servers on other hosts, one for each server; see tunnel.py.

A unit outlives the hub, so that nobody who works is cut off when the hub restarts. Its socket is root's, below a
directory of root's. What else the units have is a drop-in of the role.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys

import nbops_tunnel

from nbops_jupyterhub import state
from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.programs import run


class TunnelError(StartError):
    """Why nothing leads to a server."""


def prepare(directory: pathlib.Path, peer: str) -> str:
    """Store what a server is known by, and make what it knows the hub by: the certificate of the latter.

    Raises ValueError where `peer` is no certificate.
    """
    nbops_tunnel.client(peer)
    key, certificate = nbops_tunnel.make_certificate()
    for parent in (directory.parent, directory):
        with contextlib.suppress(FileExistsError):
            os.mkdir(parent, 0o700)
    state.write(directory / "pair", (key + certificate).encode())
    state.write(directory / "peer", peer.encode())
    return certificate


def discard(directory: pathlib.Path) -> None:
    """Forget the keys of a server that has ended."""
    for name in ("pair", "peer"):
        state.remove(directory / name)
    with contextlib.suppress(FileNotFoundError):
        directory.rmdir()


async def hold(unit: str, socket: str, group: str, directory: pathlib.Path, address: tuple[str, int]) -> None:
    """Lead from `socket`, which `group` may open, to a server, by the keys in `directory`.

    `unit` is the name of a service, which begins with the first connection. Raises TunnelError.
    """
    host, port = address
    command = [
        *("systemd-run", "--quiet", "--collect", f"--unit={unit}"),
        *(f"--socket-property=ListenStream={socket}", f"--socket-property=SocketGroup={group}"),
        *("--socket-property=SocketMode=0660", "--socket-property=RemoveOnStop=yes"),
        *(f"--property=LoadCredential={name}:{directory / name}" for name in ("pair", "peer")),
        *(sys.executable, "-I", "-m", "nbops_jupyterhub.tunnel", host, str(port)),
    ]
    status, said = await run(command)
    if status != 0:
        told = said.decode(errors="replace").strip()
        raise TunnelError(f"Nothing leads to your server ({told}). Ask the administrator.")
