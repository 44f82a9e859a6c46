"""A service that turns logins down as Jupyter does, and describes every other request: service.py PORT

POST to /login is JupyterLab's: 302 for the right password, 401 for another. POST to /hub/login is JupyterHub's: 403, as
to /hub/signup.
Mallory's server, below /user/mallory/, answers a POST as if that were a login that failed.
A request chooses a header of its answer by X-Answer, such as `X-Answer: Server: mine`. The answer to /endless goes on
until nobody takes it any more.
"""

from __future__ import annotations

import contextlib
import json
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

REFUSALS = {"/login": 401, "/hub/login": 403, "/hub/signup": 403}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Stay silent, as what it would say holds the query."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)) if self.command != "POST" else 0)
        if self.path == "/endless":
            self.go_on()
            return
        answer = {"path": self.path, "headers": self.headers.items()}
        self.answer(200, json.dumps(answer).encode())

    def go_on(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(bytes(100_000))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        refusal = REFUSALS.get(self.path.partition("?")[0])
        if self.path.startswith("/user/mallory/"):
            refusal = 403
        if refusal is None:
            self.do_GET()
        elif parse_qs(body).get("password") == ["right"]:
            self.answer(302, b"")
        else:
            self.answer(refusal, b"wrong password")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        name, chosen, value = self.headers.get("X-Answer", "").partition(": ")
        if chosen:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = do_GET


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
