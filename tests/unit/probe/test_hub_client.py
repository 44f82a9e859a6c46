"""Names in the addresses of a visit, at a hub of these tests' own that writes them as JupyterHub does."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest
from hub_client import HubClient

# What providers and domains of Windows call people; the last ones would end the path or change it.
NAMES = ["ada", "ada@example.org", "example\\ada", "ada lovelace", "čapek", "ada#1", "what?", "100%", "a%2Fb"]


class Hub(http.server.BaseHTTPRequestHandler):
    """Knows one person, whose servers have an own token against foreign forms, as a cookie of their path."""

    person = ""
    servers: dict[str, dict[str, bool]]

    def answer(self, status: int, data: object = None, cookie: str = "") -> None:
        self.send_response(status)
        if cookie:
            self.send_header("Set-Cookie", f"_xsrf=of-the-server; Path={cookie}")
        content = json.dumps(data).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def place(self) -> tuple[str, str]:
        """Who is meant, and which of their servers, at the hub's API."""
        _hub, _api, _users, name, *rest = self.path.lstrip("/").split("/")
        return unquote(name), unquote(rest[1]) if len(rest) > 1 else ""

    def do_GET(self) -> None:
        if self.path.startswith("/hub/"):
            known = self.place()[0] == self.person
            self.answer(200 if known else 404, {"servers": self.servers})
        else:
            self.answer(200, {}, self.path.removesuffix("tree"))

    def do_POST(self) -> None:
        if self.path.startswith("/hub/"):
            name, server = self.place()
            self.servers[server] = {"ready": True}
            self.answer(201 if name == self.person else 404)
        else:
            here = f"/user/{quote(self.person, safe='@~')}/"
            is_ours = self.path.startswith(here) and self.headers["X-XSRFToken"] == "of-the-server"
            self.answer(201 if is_ours else 403, {})

    def do_DELETE(self) -> None:
        name, server = self.place()
        self.servers.pop(server)
        self.answer(204 if name == self.person else 404)

    def log_message(self, *_arguments: object) -> None:
        """Keeps silent."""


@pytest.fixture(params=NAMES)
def visitor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubClient]:
    monkeypatch.setattr(Hub, "person", request.param)
    monkeypatch.setattr(Hub, "servers", {}, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = HubClient(f"http://127.0.0.1:{server.server_address[1]}/hub/")
        client.name = request.param
        yield client
        server.shutdown()


@pytest.mark.parametrize("server", ["", "my gpu"])
def test_a_person_of_any_name_starts_uses_and_stops_a_server(visitor: HubClient, server: str) -> None:
    notebook = visitor.start(server)
    assert Hub.servers == {server: {"ready": True}}
    assert notebook.post("api/kernels").status_code == 201
    visitor.stop(server)
    assert Hub.servers == {}
