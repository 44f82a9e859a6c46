"""The hub's address for servers on other hosts: TLS with a certificate of the hub's own, which each job is told.

It offers what servers ask for, and no page: who reaches it need not be a visitor of the web server in front of the hub.
"""

from __future__ import annotations

import base64
import os
import pathlib
import ssl
from collections.abc import Iterable
from socket import socket
from typing import Any

import nbops_tunnel
from tornado.httpserver import HTTPServer

from nbops_jupyterhub import claims, state
from nbops_jupyterhub.offers import offered

# A server asks which version the hub has and who a visitor is, and tells when somebody worked.
OFFERED = rf"api/?|api/user|api/oauth2/token|api/users/[^/]+/activity|{claims.PATH.lstrip('/')}"
# Bytes of a question.
LONGEST = 2**16


def pair() -> pathlib.Path:
    """The file with key and certificate, made where it is missing."""
    path = pathlib.Path(os.environ["STATE_DIRECTORY"], "nodes.pem")
    if not path.exists():
        state.write(path, "".join(nbops_tunnel.make_certificate()).encode())
    return path


def certificate() -> str:
    """The hub's certificate, which is no secret, as one word."""
    pem = pair().read_text()
    return base64.b64encode(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERTIFICATE") :])).decode()


def listen(application: Any, listeners: Iterable[socket]) -> HTTPServer:
    """Let nodes ask at sockets that are open already."""
    router = offered(application, application.settings["hub"].base_url, OFFERED)
    server = HTTPServer(router, ssl_options=nbops_tunnel.server(str(pair())), max_body_size=LONGEST)
    server.add_sockets(listeners)
    return server
