"""GitHub's and Google's own interfaces, as far as their authenticators ask them, for the people of the provider.

Who asks is known by a token of the provider, which is shown to it; members of an organization are looked up there.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def ask(path: str, **headers: str) -> tuple[int, dict]:
    """Status and answer of the provider."""
    with contextlib.closing(http.client.HTTPSConnection("hub.example.org", 9443, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, person = ask("/userinfo", Authorization=self.headers.get("Authorization", ""))
        member = re.fullmatch(r"/orgs/(?P<organization>[^/]+)/members/(?P<login>[^/]+)", self.path)
        if status != 200:
            self.answer(status)
        elif member:
            _status, found = ask(f"/api/users/{member['login']}")
            self.answer(204 if member["organization"] in found["attributes"]["organizations"] else 404)
        elif self.path == "/user":
            self.answer(200, {"login": person["sub"], "id": 1, "email": person["email"]})
        else:
            known = {key: person["attributes"][key] for key in ("hd", "verified_email")}
            self.answer(200, {"id": person["sub"], "email": person["email"], **known})

    def answer(self, status: int, content: dict | None = None) -> None:
        body = json.dumps(content).encode() if content else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", 9000), Handler).serve_forever()
