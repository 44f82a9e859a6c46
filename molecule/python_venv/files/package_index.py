"""A package index over HTTPS that asks for a password, and notes the process list at every request.

package_index.py WHEELS CERTIFICATE KEY USER:PASSWORD PROCESS_LIST
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import pathlib
import re
import ssl
import sys

WHEELS, CERTIFICATE, KEY, CREDENTIALS, PROCESS_LIST = sys.argv[1:]
AUTHORIZATION = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()


class Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with open(PROCESS_LIST, "ab") as file:
            for command in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                # A process may have gone in the meantime; the index itself has to know the password.
                if command.exists() and b"package_index" not in (line := command.read_bytes()):
                    file.write(line.replace(b"\0", b" ") + b"\n")
        if self.headers["Authorization"] != AUTHORIZATION:
            self.answer(401, b"", "WWW-Authenticate", "Basic")
        elif self.path.startswith("/simple/"):
            name = self.path.split("/")[2]
            found = [path for path in pathlib.Path(WHEELS).iterdir() if normal(path.name.split("-")[0]) == name]
            links = "".join(f'<a href="/files/{path.name}#sha256={digest(path)}">{path.name}</a>\n' for path in found)
            self.answer(200 if found else 404, links.encode(), "Content-Type", "text/html")
        else:
            self.answer(200, pathlib.Path(WHEELS, pathlib.Path(self.path).name).read_bytes(), "X-Kind", "file")

    def answer(self, status: int, body: bytes, header: str, value: str) -> None:
        self.send_response(status)
        self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET


def digest(wheel: pathlib.Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Index)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
