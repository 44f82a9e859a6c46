"""Calls of the hub's API, to a server that behaves as the hub does."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import client as hub_client
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.client import ApiError, HubClient
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import Record, RecordPlan

LIMIT = 3


class FakeHub(ThreadingHTTPServer):
    """Users and groups in memory. A slow server needs three looks after its stop until it has stopped."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.users: dict[str, dict] = {}
        self.groups: dict[str, list[str]] = {}
        self.stopping: dict[tuple[str, str], int] = {}
        self.calls: list[tuple[str, str, dict | None]] = []
        self.answers: dict[str, tuple[int, bytes]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/base/hub/api/"

    def add(self, name: str, admin: bool = False, servers: tuple[str, ...] = ()) -> None:
        self.users[name] = {"name": name, "admin": admin, "servers": {server: {} for server in servers}}

    def model(self, name: str) -> dict:
        for (owner, server), looks in list(self.stopping.items()):
            if owner == name and looks == 0:
                self.users[name]["servers"].pop(server, None)
            self.stopping[owner, server] = looks - 1
        return {**self.users[name], "groups": [group for group, users in self.groups.items() if name in users]}


class Handler(BaseHTTPRequestHandler):
    server: FakeHub

    def answer(self, status: int, data: object = None) -> None:
        content = data if isinstance(data, bytes) else b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def error(self, status: int, message: str) -> None:
        self.answer(status, {"status": status, "message": message})

    def page(self, items: list[dict], query: dict) -> None:
        limit, offset = min(int(query["limit"][0]), LIMIT), int(query["offset"][0])
        following = {"offset": offset + limit} if offset + limit < len(items) else None
        pagination = {"total": len(items), "limit": limit, "next": following}
        self.answer(200, {"items": items[offset : offset + limit], "_pagination": pagination})

    def handle_call(self) -> None:
        hub, length = self.server, int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        address = urlsplit(self.path)
        path = address.path.removeprefix("/base/hub/api")
        hub.calls.append((self.command, path, body))
        call = f"{self.command} {path}"
        parts = [unquote(part) for part in path.split("/")[1:]]
        if call in hub.answers:
            self.answer(*hub.answers[call])
        elif self.headers["Authorization"] != "token right":
            self.error(403, "Missing or invalid credentials.")
        elif call == "GET /user":
            self.answer(200, {"name": "service", "admin": True, "scopes": ["admin:users"]})
        elif call == "GET /users":
            self.page([hub.model(name) for name in hub.users], parse_qs(address.query))
        elif call == "GET /groups":
            self.page([{"name": group} for group in hub.groups], parse_qs(address.query))
        elif call == "POST /users":
            new = [name.lower() for name in body["usernames"] if name.lower() not in hub.users]
            for name in new:
                hub.add(name, body["admin"])
            self.answer(201, [hub.model(name) for name in new]) if new else self.error(409, "All users already exist")
        elif parts[0] == "users":
            self.user(parts)
        else:
            self.group(parts, body)

    def user(self, parts: list[str]) -> None:
        hub, name = self.server, parts[1]
        if name not in hub.users:
            self.error(404, "Not found")
        elif self.command == "GET":
            self.answer(200, hub.model(name))
        elif self.command == "PATCH":
            self.answer(200, {})
        elif len(parts) > 2:
            server = "" if parts[2] == "server" else parts[3]
            slow = server.startswith("slow")
            hub.stopping.setdefault((name, server), 2 if slow else 0)
            self.answer(202 if slow else 204)
        elif hub.users[name]["servers"]:
            self.error(400, f"{name}'s server is in the process of stopping, please wait.")
        else:
            del hub.users[name]
            self.answer(204)

    def group(self, parts: list[str], body: dict) -> None:
        members = self.server.groups.setdefault(parts[1], [])
        for name in body.get("users", []):
            members.append(name) if self.command == "POST" else members.remove(name)
        self.answer(200, {})

    do_GET = do_POST = do_DELETE = do_PATCH = handle_call

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(hub_client, "STOP_POLL_SECONDS", 0)
    monkeypatch.setattr(hub_client, "PORTION", 2)
    # The token would go to a proxy.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with FakeHub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(hub: FakeHub) -> HubClient:
    return HubClient(hub.url, "right")


@pytest.mark.parametrize("count", [0, 1, LIMIT, LIMIT + 1, 3 * LIMIT])
def test_all_pages_are_read(hub: FakeHub, client: HubClient, count: int) -> None:
    names = [f"u{number}" for number in range(count)]
    for name in names:
        hub.add(name, servers=("", "one"))
        hub.groups[f"g{name}"] = [name]
    expected = {name: Record(name, groups=frozenset({f"g{name}"}), servers=("", "one")) for name in names}
    assert client.records(names) == expected
    assert client.group_names() == set(hub.groups)


def test_few_of_many_are_asked_for_one_by_one(hub: FakeHub, client: HubClient) -> None:
    for number in range(3 * LIMIT):
        hub.add(f"u{number}")
    hub.add("ada@example.org/x")
    assert client.records(["ada@example.org/x", "none"]) == {"ada@example.org/x": Record("ada@example.org/x")}
    assert [path for _method, path, _body in hub.calls] == ["/users", "/users/ada%40example.org%2Fx", "/users/none"]


def test_a_plan_is_carried_out_in_bulk(hub: FakeHub, client: HubClient) -> None:
    hub.groups["old"] = ["a"]
    client.carry_out(
        RecordPlan(
            create={False: ["a", "b", "c"], True: ["d"]},
            admin={"a": True},
            new_groups=["n/w"],
            join={"n/w": ["b", "c"]},
            leave={"old": ["a"]},
        )
    )
    assert hub.calls == [
        ("POST", "/users", {"usernames": ["a", "b"], "admin": False}),
        ("POST", "/users", {"usernames": ["c"], "admin": False}),
        ("POST", "/users", {"usernames": ["d"], "admin": True}),
        ("PATCH", "/users/a", {"admin": True}),
        ("POST", "/groups/n%2Fw", {}),
        ("POST", "/groups/n%2Fw/users", {"users": ["b", "c"]}),
        ("DELETE", "/groups/old/users", {"users": ["a"]}),
    ]
    assert hub.groups == {"n/w": ["b", "c"], "old": []}


def test_somebody_else_may_make_users_meanwhile(hub: FakeHub, client: HubClient) -> None:
    for name in ("a", "c", "d"):
        hub.add(name)
    client.carry_out(RecordPlan(create={False: ["a", "b", "c", "d"]}))
    assert set(hub.users) == {"a", "b", "c", "d"}


@pytest.mark.parametrize("there", [(), ("ada",)])
def test_a_name_that_the_hub_writes_otherwise(hub: FakeHub, client: HubClient, there: tuple[str, ...]) -> None:
    for name in there:
        hub.add(name)
    with pytest.raises(ApiError, match=r"writes these names otherwise.*: Ada"):
        client.carry_out(RecordPlan(create={False: ["Ada", "bob"]}))
    assert set(hub.users) == {*there, "bob"}


@pytest.mark.parametrize("servers", [(), ("",), ("", "one", "slow"), ("slow",)])
def test_servers_end_before_the_record_goes(hub: FakeHub, client: HubClient, servers: tuple[str, ...]) -> None:
    hub.add("ada", servers=servers)
    hub.add("bob", servers=("",))
    client.remove("ada", 10)
    assert set(hub.users) == {"bob"}
    removals = [path for method, path, _body in hub.calls if method == "DELETE"]
    assert removals.index("/users/ada") == len(removals) - 1


def test_who_is_gone_need_not_be_removed(hub: FakeHub, client: HubClient) -> None:
    client.remove("ada", 10)
    assert [method for method, _path, _body in hub.calls] == ["GET"]


def test_a_server_that_does_not_stop(hub: FakeHub, client: HubClient) -> None:
    hub.add("ada", servers=("slow", ""))
    with pytest.raises(ApiError, match="still there after 0 seconds: slow, the default one"):
        client.remove("ada", 0)
    assert "ada" in hub.users


def test_a_removal_that_the_hub_refuses(hub: FakeHub, client: HubClient) -> None:
    hub.add("ada")
    hub.answers["DELETE /users/ada"] = 400, b'{"message": "Cannot delete yourself!"}'
    with pytest.raises(ApiError, match="Cannot delete yourself!"):
        client.remove("ada", 1000)


def test_permissions(client: HubClient) -> None:
    assert client.permissions() == (True, {"admin:users"})


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        ((403, b'{"message": "no"}'), 403, "HTTP 403: no"),
        ((401, b"{}"), 401, "HTTP 401: Unauthorized"),
        ((302, b""), 0, "HTTP 302: Found"),
        ((404, b"<html>"), 0, "HTTP 404, and no JSON"),
        ((503, b'{"message": "not ready"}'), 0, "HTTP 503: not ready"),
        ((200, b'{"name": "x"}'), 0, "no JupyterHub"),
    ],
)
def test_what_else_may_answer(
    hub: FakeHub, client: HubClient, answer: tuple[int, bytes], status: int, text: str
) -> None:
    hub.answers["GET /user"] = answer
    with pytest.raises(ApiError, match=re.escape(text)) as error:
        client.permissions()
    assert error.value.status == status


def test_a_wrong_token(hub: FakeHub) -> None:
    with pytest.raises(ApiError, match="Missing or invalid credentials") as error:
        HubClient(hub.url, "wrong").permissions()
    assert error.value.status == 403
    assert "wrong" not in str(error.value)


@pytest.mark.parametrize("token", ["right", "two\nlines"])
def test_nobody_answers(token: str) -> None:
    with pytest.raises(ApiError) as error:
        HubClient("http://127.0.0.1:1/hub/api", token).permissions()
    assert error.value.status == 0
    assert "lines" not in str(error.value)


def test_groups_that_the_authenticator_manages(hub: FakeHub, client: HubClient) -> None:
    hub.answers["POST /groups/g/users"] = 400, b'{"message": "Group management via API is disabled"}'
    with pytest.raises(ApiError, match="set manage_groups to false"):
        client.carry_out(RecordPlan(join={"g": ["ada"]}))


def test_other_refusals_are_passed_on(hub: FakeHub, client: HubClient) -> None:
    hub.answers["POST /groups/g/users"] = 400, b'{"message": "No such user: ada"}'
    with pytest.raises(ApiError, match="No such user: ada"):
        client.carry_out(RecordPlan(join={"g": ["ada"]}))
    hub.answers["GET /users"] = 200, b"[]"
    with pytest.raises(ApiError, match="answers without pages"):
        client.records([])
