"""The hub's address, which systemd holds: while the hub is away, nobody else on the host can take it."""

from __future__ import annotations

import os
import socket
from typing import Any

from tornado.httpserver import HTTPServer

DESCRIPTOR = 3


def take_over() -> None:
    """Make the hub listen on the socket that systemd has opened for it. Raises RuntimeError where there is none."""
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        raise RuntimeError("systemd does not hand over the hub's address; start the hub by its unit")
    # What the hub starts must not inherit the socket.
    os.set_inheritable(DESCRIPTOR, False)
    HTTPServer.listen = _listen


def _listen(server: HTTPServer, _port: int, **_named: Any) -> None:
    # JupyterHub listens once, and knows no way to be given a socket.
    listener = socket.socket(fileno=DESCRIPTOR)
    listener.setblocking(False)
    server.add_socket(listener)
