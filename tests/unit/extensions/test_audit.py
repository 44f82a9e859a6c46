"""What the audit says of logins, servers and requests. The journal is a socket of the test's."""

from __future__ import annotations

import asyncio
import copy
import importlib
import json
import logging
import pathlib
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config


class Journal:
    def __init__(self, path: pathlib.Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def fields(self) -> list[dict[str, str]]:
        found = []
        while True:
            try:
                message = self._socket.recv(65536).decode()
            except BlockingIOError:
                return found
            found.append(dict(line.partition("=")[::2] for line in message.splitlines()))

    def lines(self) -> list[dict[str, Any]]:
        said = [json.loads(fields["MESSAGE"]) for fields in self.fields()]
        assert all(line.pop("time").endswith("+00:00") for line in said)
        return said


@pytest.fixture
def audit(hub: None) -> ModuleType:
    return importlib.import_module("nbops_jupyterhub.audit")


@pytest.fixture
def journal(audit: ModuleType, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    path = tmp_path / "journal"
    monkeypatch.setattr(audit, "JOURNAL", str(path))
    found = Journal(path)
    yield found
    found.close()


@pytest.fixture
def config(audit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """The configuration of a hub with an audit; its own log of requests says nothing."""
    log = ModuleType("jupyterhub.log")
    log.log_request = lambda _handler: None
    monkeypatch.setitem(sys.modules, "jupyterhub.log", log)
    made = Config({"JupyterHub": {"tornado_settings": {"headers": {}}}})
    audit.turn_on(made, "jupyterhub-audit")
    yield made
    audit._audits.clear()


ADMIN = SimpleNamespace(name="ada", admin=True, kind="user")
PERSON = SimpleNamespace(name="bob", admin=False, kind="user")
SERVICE = SimpleNamespace(name="users", kind="service")


def request(person: Any, method: str, path: str, **arguments: str) -> Any:
    return SimpleNamespace(
        current_user=person,
        request=SimpleNamespace(method=method, path=path, remote_ip="192.0.2.1"),
        get_status=lambda: 200,
        get_argument=arguments.get,
    )


def handled(config: Config, *seen: Any) -> None:
    for one in seen:
        config.JupyterHub.tornado_settings["log_function"](one)


def test_a_line_has_its_identifier(config: Config, journal: Journal) -> None:
    assert config.JupyterHub.tornado_settings["headers"] == {}
    handled(config, request(ADMIN, "DELETE", "/hub/api/users/bob"))
    (fields,) = journal.fields()
    assert (fields["SYSLOG_IDENTIFIER"], fields["PRIORITY"]) == ("jupyterhub-audit", "6")


@pytest.mark.parametrize(
    ("person", "method", "path", "by"),
    [
        (ADMIN, "DELETE", "/hub/api/users/bob", "ada"),
        (ADMIN, "POST", "/hub/spawn/bob", "ada"),
        (SERVICE, "POST", "/hub/api/users/bob", "service users"),
        (ADMIN, "GET", "/hub/api/users/bob", ""),
        (ADMIN, "POST", "/hub/login", ""),
        (ADMIN, "POST", "/hub/api/users/ada/activity", ""),
        (ADMIN, "POST", "/hub/api/oauth2/token", ""),
        (PERSON, "POST", "/hub/api/users/bob/server", ""),
        (None, "POST", "/hub/api/users/bob", ""),
    ],
)
def test_what_administrators_and_services_change(
    config: Config, journal: Journal, person: Any, method: str, path: str, by: str
) -> None:
    handled(config, request(person, method, path))
    said = {"event": "admin_action", "by": by, "method": method, "path": path, "status": 200, "address": "192.0.2.1"}
    assert journal.lines() == ([said] if by else [])


@pytest.mark.parametrize(("client", "owner"), [("bob", "bob"), ("ada", "")])
def test_who_enters_the_server_of_somebody_else(config: Config, journal: Journal, client: str, owner: str) -> None:
    handled(config, request(ADMIN, "GET", "/hub/api/oauth2/authorize", client_id=f"jupyterhub-user-{client}"))
    assert [(line["event"], line["server_of"]) for line in journal.lines()] == ([("entrance", owner)] if owner else [])


def test_a_request_that_has_no_user_is_none(config: Config, journal: Journal) -> None:
    class Refused:
        request = SimpleNamespace(method="POST", path="/hub/api/users", remote_ip="192.0.2.1")

        @property
        def current_user(self) -> None:
            raise RuntimeError("nobody asked")

    handled(config, Refused())
    assert journal.lines() == []


def test_servers_start_and_stop(config: Config, journal: Journal) -> None:
    # The hub copies its configuration.
    (handler,) = copy.deepcopy(config.EventLogger.handlers)
    record = {"action": "start", "username": "ada", "servername": "", "__schema__": "server-action"}
    handler.handle(logging.LogRecord("events", logging.INFO, "", 0, record, None, None))
    assert journal.lines() == [{"event": "server_start", "user": "ada", "server": ""}]


@pytest.mark.parametrize(
    ("data", "found", "event", "user"),
    [
        ({"username": "ADA", "password": "secret"}, {"name": "ada"}, "login", "ada"),
        ({"username": "eve\nMESSAGE=x", "password": "secret"}, None, "login_failed", "eve\nMESSAGE=x"),
        ({"username": "e" * 300, "password": "secret"}, None, "login_failed", "e" * 255),
        (None, None, "login_failed", ""),
    ],
)
def test_logins(
    audit: ModuleType, config: Config, journal: Journal, data: Any, found: Any, event: str, user: str
) -> None:
    audit.note_login(request(None, "POST", "/hub/login"), data, found)
    assert journal.lines() == [{"event": event, "user": user, "address": "192.0.2.1"}]


def test_without_a_wish_nothing_is_noted(audit: ModuleType, journal: Journal) -> None:
    audit.note_login(request(None, "POST", "/hub/login"), {}, None)
    assert journal.lines() == []


def test_a_journal_that_is_away_keeps_nobody_from_working(
    audit: ModuleType, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "JOURNAL", "/nonexistent")
    handled(config, request(ADMIN, "DELETE", "/hub/api/users/bob"))
    assert "The audit lacks a line" in caplog.text


def test_the_authenticator_tells(audit: ModuleType, config: Config, journal: Journal) -> None:
    module = importlib.import_module("nbops_jupyterhub.authenticator")
    made = module.with_our_rules("house.HouseAuthenticator")(
        config=Config({"Authenticator": {"allowed_users": {"ada"}}})
    )
    handler: Callable[..., Any] = request(None, "POST", "/hub/login")
    assert asyncio.run(made.get_authenticated_user(handler, "ada"))
    assert [line["event"] for line in journal.lines()] == ["login"]
