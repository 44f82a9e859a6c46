"""An HTTP service to put behind nginx: says what it was asked, and echoes websocket messages.

A request can choose headers of its answer (JSON in X-Answer). `?stream` is answered with one event, and with a second
one when somebody asks for `?next`.

Usage: http_echo.py ADDRESS:PORT | /path/of/a.sock
"""

from __future__ import annotations

import base64
import hashlib
import json
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
WHERE = sys.argv[1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0
    next_event = threading.Event()

    def setup(self) -> None:
        """Called once for each connection."""
        Handler.connections += 1
        super().setup()

    def log_message(self, *_arguments: object) -> None:
        """Stay silent; the base class also expects a client address, which a UNIX socket lacks."""

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.echo()
        elif self.path.endswith("?stream"):
            self.stream()
        else:
            self.describe()

    def do_POST(self) -> None:
        self.describe()

    def do_PUT(self) -> None:
        self.describe()

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        Handler.next_event.clear()
        self.wfile.write(b"data: 1\n")
        Handler.next_event.wait(30)
        self.wfile.write(b"data: 2\n")

    def describe(self) -> None:
        if self.path.endswith("?next"):
            Handler.next_event.set()
        size = int(self.headers.get("Content-Length", 0))
        left = size
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        answer = {
            "at": WHERE,
            "path": self.path,
            "headers": self.headers.items(),
            "size": size,
            "connections": Handler.connections,
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in json.loads(self.headers.get("X-Answer", "{}")).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def echo(self) -> None:
        key = self.headers["Sec-WebSocket-Key"].encode()
        proof = hashlib.sha1(key + WEBSOCKET_GUID, usedforsecurity=False).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(proof).decode())
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            length = head[1] & 0x7F
            if length >= 126:
                length = int.from_bytes(self.rfile.read(2 if length == 126 else 8), "big")
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self.rfile.read(length)))
            size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
            self.wfile.write(head[:1] + size + data)


if WHERE.startswith("/"):
    socketserver.ThreadingUnixStreamServer(WHERE, Handler).serve_forever()
else:
    host, port = WHERE.rsplit(":", 1)
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer((host, int(port)), Handler).serve_forever()
