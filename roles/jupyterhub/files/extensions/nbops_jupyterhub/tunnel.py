"""Leads connections at a socket of the hub's host to one server on another host, over TLS.

    python -I -m nbops_jupyterhub.tunnel ADDRESS PORT

systemd hands over the socket, and as credentials the key with which the server knows the hub (`pair`) and the
certificate that the server must have (`peer`).
"""

from __future__ import annotations

import asyncio
import functools
import os
import pathlib
import socket
import sys

import nbops_tunnel

FIRST_DESCRIPTOR = 3


async def lead(address: str, port: int) -> None:
    """For as long as the unit runs."""
    credentials = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])
    tls = nbops_tunnel.client((credentials / "peer").read_text(), str(credentials / "pair"))
    to_server = functools.partial(
        asyncio.open_connection, address, port, ssl=tls, ssl_handshake_timeout=nbops_tunnel.HANDSHAKE_SECONDS
    )
    visitors = socket.socket(fileno=FIRST_DESCRIPTOR)
    server = await asyncio.start_unix_server(nbops_tunnel.forwarder(to_server), sock=visitors)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(lead(sys.argv[1], int(sys.argv[2])))
