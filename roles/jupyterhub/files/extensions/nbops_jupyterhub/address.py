"""The hub's addresses, which systemd holds: while the hub is away, nobody else on the host can take them.

Where it has a socket for its pages, which the proxy alone reaches, there are none elsewhere: whoever reaches the proxy
in the web server's way alone has the tries of passwords counted there.
"""

from __future__ import annotations

import os
import socket

from tornado.httpserver import HTTPServer

from nbops_jupyterhub import nodes
from nbops_jupyterhub.offers import offered

FIRST_DESCRIPTOR = 3
# What the units call the socket for the proxy, and the address for servers on other hosts.
PAGES, NODES = "hub-pages", "nodes"
# What programs of this host ask for.
OFFERED = "(?:api|health|metrics)(?:/.*)?"
# Bytes of a request's body, which is in memory before anybody is asked who sends it. Uploads go to people's servers.
LONGEST_BODY = 2**20


def take_over() -> None:
    """Make the hub listen on the sockets that systemd has opened for it: those for its API, `hub-pages` and `nodes`.

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
    of_pages, of_nodes = ([one for one, name in zip(sockets, names) if name == part] for part in (PAGES, NODES))
    of_hub = [listener for listener in sockets if listener not in (*of_pages, *of_nodes)]

    def listen(server: HTTPServer, *_address: object, **_named: object) -> None:
        server.conn_params.max_body_size = LONGEST_BODY
        server.add_sockets(of_pages or of_hub)
        if of_pages:
            application = server.request_callback
            router = offered(application, application.settings["hub"].base_url, OFFERED)
            HTTPServer(router, max_body_size=LONGEST_BODY).add_sockets(of_hub)
        if of_nodes:
            nodes.listen(server.request_callback, of_nodes)

    # JupyterHub listens once, and knows no way to be given sockets.
    HTTPServer.listen = listen
