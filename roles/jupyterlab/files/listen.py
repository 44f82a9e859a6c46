"""Starts JupyterLab on the address that systemd holds for it: nobody else can take it while the server is away."""

from __future__ import annotations

import os
import socket
import sys

from jupyter_server.serverapp import ServerApp
from jupyterlab.labapp import main

DESCRIPTOR = 3


def bind(server: ServerApp) -> bool:
    """Listen on the socket that systemd has opened; Jupyter itself knows no way to be given one."""
    listener = socket.socket(fileno=DESCRIPTOR)
    listener.setblocking(False)
    server.http_server.add_socket(listener)
    return True


if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
    sys.exit("systemd does not hand over the server's address; start the server by its unit")
# Kernels and terminals must not inherit the socket.
os.set_inheritable(DESCRIPTOR, False)
ServerApp._find_http_port = lambda server: None
ServerApp._bind_http_server_tcp = bind
sys.exit(main())
