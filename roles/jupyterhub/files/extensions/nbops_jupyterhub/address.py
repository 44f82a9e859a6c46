"""The hub's addresses, which systemd holds: while the hub is away, nobody else on the host can take them."""

from __future__ import annotations

import os
import socket

from tornado.httpserver import HTTPServer

FIRST_DESCRIPTOR = 3


def take_over() -> None:
    """Make the hub listen on the sockets that systemd has opened for it. Raises RuntimeError where there are none."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        raise RuntimeError("systemd does not hand over the hub's addresses; start the hub by its unit")
    descriptors = range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(os.environ.pop("LISTEN_FDS")))
    listeners = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for listener in listeners:
        listener.setblocking(False)
        # What the hub starts must not inherit it.
        listener.set_inheritable(False)
    # JupyterHub listens once, and knows no way to be given sockets.
    HTTPServer.listen = lambda server, *_address, **_named: server.add_sockets(listeners)
