"""Prints as JSON how many requests per second a program answers over 16 connections, and the share of one core that
asking took: where that is near 1, this client is what was measured.

Asks for the URL in argv[1], with the token in argv[2]. A socket in argv[3] leads to it in the place of its own address.
Every way is asked by this client, because no load generator of Debian knows both UNIX sockets and ends of connections.
"""

import json
import selectors
import socket
import ssl
import sys
import time
from urllib.parse import urlsplit

SECONDS = 5
CONNECTIONS = 16
PATIENCE = 10  # seconds for one answer
url, token, *path = sys.argv[1:]
address = urlsplit(url)
REQUEST = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: token {token}\r\n\r\n".encode()
# The certificate is a placeholder, and says nothing about speed.
TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


class Connection:
    """Asks again as soon as it has an answer, over a new connection where the old one was closed."""

    def __init__(self, selector):
        self._selector = selector
        self._open()

    def _open(self):
        if path:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(path[0])
        else:
            port = address.port or (443 if address.scheme == "https" else 80)
            self._socket = socket.create_connection(("127.0.0.1", port))
        if address.scheme == "https":
            self._socket = TLS.wrap_socket(self._socket, server_hostname=address.hostname)
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ, self)
        self._ask()

    def _ask(self):
        self._received = b""
        self._socket.sendall(REQUEST)

    def answers(self):
        """1 where a whole answer has come, else 0."""
        try:
            part = self._socket.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return 0
        self._received += part
        head, end, body = self._received.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]) if end else {}
        if end and len(body) >= int(fields[b"content-length"]):
            if not head.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"{url} answers {head.splitlines()[0].decode()}")
            if fields.get(b"connection") == b"close":
                self._close()
                self._open()
            else:
                self._ask()
            return 1
        if not part:
            raise SystemExit(f"{url} ends a connection after {self._received!r}")
        # What TLS has decoded already wakes no selector.
        return self.answers() if address.scheme == "https" and self._socket.pending() else 0

    def _close(self):
        self._selector.unregister(self._socket)
        self._socket.close()


with selectors.DefaultSelector() as waiting:
    for dummy in range(CONNECTIONS):
        Connection(waiting)
    count, start, used = 0, time.monotonic(), time.process_time()
    while (seconds := time.monotonic() - start) < SECONDS:
        ready = waiting.select(PATIENCE)
        if not ready:
            raise SystemExit(f"{url} does not answer for {PATIENCE} seconds")
        count += sum(key.data.answers() for key, events in ready)
print(json.dumps({"rate": count / seconds, "share_of_core": (time.process_time() - used) / seconds}))
