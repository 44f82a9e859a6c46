"""Leads connections at a socket of the hub's host to one server on another host, over TLS.

    python -I -m nbops_jupyterhub.tunnel ADDRESS PORT

systemd hands over the socket, and as credentials the key with which the server knows the hub (`pair`) and the
certificate that the server must have (`peer`). It starts the program with the first connection, and again with the next
one after it has ended, which it does where nobody was there for a while.
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
# Seconds without any connection after which the program ends. A page that is open asks its server more often.
IDLE_SECONDS = 60
# Seconds until the next attempt where no descriptor is free.
PAUSE = 0.1


async def lead(visitors: socket.socket, connect: nbops_tunnel.Connect, idle: float = IDLE_SECONDS) -> None:
    """Until nobody was there for `idle` seconds. Who comes then is still in the queue of the socket, for systemd."""
    forward = nbops_tunnel.forwarder(connect)
    changed, visits = asyncio.Event(), set()

    async def visit(visitor: socket.socket) -> None:
        await forward(*await asyncio.open_unix_connection(sock=visitor))

    def end(done: asyncio.Task) -> None:
        visits.discard(done)
        changed.set()

    visitors.setblocking(False)
    # Not by a server of asyncio, which may have taken a connection already when the time is over.
    asyncio.get_running_loop().add_reader(visitors, changed.set)
    while True:
        try:
            await asyncio.wait_for(changed.wait(), None if visits else idle)
        except asyncio.TimeoutError:
            return
        changed.clear()
        try:
            visitor, _address = visitors.accept()
        except BlockingIOError:
            continue
        except OSError:
            await asyncio.sleep(PAUSE)
            continue
        task = asyncio.create_task(visit(visitor))
        visits.add(task)
        task.add_done_callback(end)


def main(address: str, port: str) -> None:
    credentials = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])
    tls = nbops_tunnel.client((credentials / "peer").read_text(), str(credentials / "pair"))
    to_server = functools.partial(
        asyncio.open_connection, address, int(port), ssl=tls, ssl_handshake_timeout=nbops_tunnel.HANDSHAKE_SECONDS
    )
    asyncio.run(lead(socket.socket(fileno=FIRST_DESCRIPTOR), to_server))


if __name__ == "__main__":
    main(*sys.argv[1:])
