"""A visitor of a web server under test, who knows the server's names without DNS and trusts one certificate only."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import websocket


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(connection: http.client.HTTPConnection, *request: Any, **options: Any) -> Answer:
    """One request, the only one on its connection."""
    with contextlib.closing(connection):
        connection.request(*request, **options)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def ask_plain(address: str, name: str, path: str = "/", port: int = 80) -> Answer:
    """Ask over plain HTTP, without following a redirection."""
    return exchange(http.client.HTTPConnection(address, port, timeout=30), "GET", path, headers={"Host": name})


class Visitor:
    """Talks TLS to the server at `address`; `ca` is the PEM text that must vouch for its certificate.

    `patience` is how many seconds the server may be silent.
    """

    def __init__(self, address: str, ca: str, port: int = 443, patience: int = 30) -> None:
        self.address = address
        self.port = port
        self.patience = patience
        self.context = ssl.create_default_context(cadata=ca)

    def connect(self, name: str) -> ssl.SSLSocket:
        """A connection to the server under one of its names."""
        plain = socket.create_connection((self.address, self.port), timeout=self.patience)
        return self.context.wrap_socket(plain, server_hostname=name)

    def ask(self, name: str, path: str = "/", method: str = "GET", **options: Any) -> Answer:
        connection = http.client.HTTPConnection(name)
        connection.sock = self.connect(name)
        return exchange(connection, method, path, **options)

    def told(self, name: str, path: str = "/", method: str = "GET", **options: Any) -> dict[str, Any]:
        """What a service that describes its requests says about this one; headers by lower-case name."""
        answer = self.ask(name, path, method, **options)
        assert answer.status == 200, answer
        said = json.loads(answer.body)
        said["headers"] = {header.lower(): value for header, value in said["headers"]}
        return said

    @contextlib.contextmanager
    def websocket(self, name: str, path: str = "/") -> Iterator[websocket.WebSocket]:
        channel = websocket.create_connection(f"wss://{name}{path}", timeout=30, socket=self.connect(name))
        with contextlib.closing(channel):
            yield channel
