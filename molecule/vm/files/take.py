"""take.py PORT…: tries to listen on ports of loopback, and tells of each whether it could."""

from __future__ import annotations

import errno
import socket
import sys

for port in sys.argv[1:]:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", int(port)))
            taken.listen()
        except OSError as error:
            print(port, errno.errorcode[error.errno])
        else:
            print(port, "taken")
