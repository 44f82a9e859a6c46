"""A service that turns logins down as Jupyter does, and describes every other request: service.py PORT

POST to /login is JupyterLab's: 302 for the right password, 401 for another. POST to /hub/login is JupyterHub's: 403.
A request chooses headers of its answer by X-Answer-Policy and X-Answer-Cookie.
"""

from __future__ import annotations

import json
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

REFUSALS = {"/login": 401, "/hub/login": 403}
CHOICES = {"X-Answer-Policy": "Content-Security-Policy", "X-Answer-Cookie": "Set-Cookie"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Stay silent, as what it would say holds the query."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)) if self.command != "POST" else 0)
        answer = {"path": self.path, "headers": self.headers.items()}
        self.answer(200, json.dumps(answer).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        refusal = REFUSALS.get(self.path.partition("?")[0])
        if refusal is None:
            self.do_GET()
        elif parse_qs(body).get("password") == ["right"]:
            self.answer(302, b"")
        else:
            self.answer(refusal, b"wrong password")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for choice, name in CHOICES.items():
            if choice in self.headers:
                self.send_header(name, self.headers[choice])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = do_GET


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
