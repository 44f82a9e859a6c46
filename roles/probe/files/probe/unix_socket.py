"""HTTP over a UNIX socket, for the library requests."""

from __future__ import annotations

import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection


def connected(path: str, timeout: float | None = None) -> socket.socket:
    """A connection to a UNIX socket, with a time limit for each answer in seconds. Raises OSError."""
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(timeout)
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made


class SocketAdapter(HTTPAdapter):
    """Sends every request to the UNIX socket at a path, whatever host its address names."""

    def __init__(self, path: str) -> None:
        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return connected(path, self.timeout if isinstance(self.timeout, (int, float)) else None)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self._pools = {"http": Pool}
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = self._pools
