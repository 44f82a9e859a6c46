"""The hub's addresses, which systemd holds: while the hub is away, nobody else on the host can take them."""

from __future__ import annotations

import os
import socket

from tornado.httpserver import HTTPServer

from nbops_jupyterhub import nodes

FIRST_DESCRIPTOR = 3
# What the unit calls the address for servers on other hosts.
NODES = "nodes"
# Bytes of a request's body, which is in memory before anybody is asked who sends it. Uploads go to people's servers.
LONGEST_BODY = 2**20


def take_over() -> None:
    """Make the hub listen on the sockets that systemd has opened for it: its own, and `nodes`, see nodes.py.

    Raises RuntimeError where there are none.
    """
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        raise RuntimeError("systemd does not hand over the hub's addresses; start the hub by its unit")
    descriptors = range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(os.environ.pop("LISTEN_FDS")))
    sockets = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for listener in sockets:
        listener.setblocking(False)
        # What the hub starts must not inherit it.
        listener.set_inheritable(False)
    names = os.environ.pop("LISTEN_FDNAMES").split(":")
    of_nodes = [listener for listener, name in zip(sockets, names) if name == NODES]
    of_hub = [listener for listener in sockets if listener not in of_nodes]

    def listen(server: HTTPServer, *_address: object, **_named: object) -> None:
        server.conn_params.max_body_size = LONGEST_BODY
        server.add_sockets(of_hub)
        if of_nodes:
            nodes.listen(server.request_callback, of_nodes)

    # JupyterHub listens once, and knows no way to be given sockets.
    HTTPServer.listen = listen
