"""A visitor of a web server under test, who knows the server's names without DNS and trusts one certificate only."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import websocket


class Visitor:
    """Talks to the server at `address`; `ca` is the PEM text that must vouch for its certificate."""

    def __init__(self, address: str, ca: str, port: int = 443) -> None:
        self.address = address
        self.port = port
        self.context = ssl.create_default_context(cadata=ca)

    def connect(self, name: str) -> ssl.SSLSocket:
        """A TLS connection to the server under one of its names."""
        plain = socket.create_connection((self.address, self.port), timeout=30)
        return self.context.wrap_socket(plain, server_hostname=name)

    def ask(
        self,
        name: str,
        path: str = "/",
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(name)
        connection.sock = self.connect(name)
        connection.request(method, path, body, dict(headers or {}))
        return connection.getresponse()

    def told(self, name: str, path: str = "/", **options: Any) -> dict[str, Any]:
        """What the service behind the server says about the request, headers by lower-case name."""
        answer = self.ask(name, path, **options)
        text = answer.read()
        assert answer.status == 200, (answer.status, text)
        said = json.loads(text)
        said["headers"] = {header.lower(): value for header, value in said["headers"]}
        return said

    @contextlib.contextmanager
    def websocket(self, name: str, path: str = "/") -> Iterator[websocket.WebSocket]:
        """An open websocket."""
        channel = websocket.create_connection(f"wss://{name}{path}", timeout=30, sock=self.connect(name))
        with contextlib.closing(channel):
            yield channel
