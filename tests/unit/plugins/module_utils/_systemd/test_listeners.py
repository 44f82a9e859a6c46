"""Who has an address, asked of this very host."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process.listeners import Process
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import listeners

UNIT = {"name": "hub.socket", "state": "present"}


@pytest.fixture(params=["127.0.0.1", "0.0.0.0", "::", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as opened:
        opened.bind((request.param, 0))
        opened.listen()
        yield opened


def stream(listener: socket.socket, host: str = "") -> str:
    own, port = listener.getsockname()[:2]
    own = host or own
    return f"[{own}]:{port}" if ":" in own else f"{own}:{port}"


def strangers(where: Any, state: str = "inactive", changes: dict | None = None) -> list[str]:
    unit = {**UNIT, "sections": {"Socket": {"ListenStream": where}}}
    return listeners.strangers([unit], changes or {}, {"hub.socket": {"ActiveState": state}})


def test_who_listens_is_named(listener: socket.socket) -> None:
    found = [process.number for process in listeners.listening_on(stream(listener))]
    assert found == [os.getpid()]
    (message,) = strangers(stream(listener))
    assert message.startswith(f"hub.socket: {stream(listener)} is taken by ")
    assert f"(process {os.getpid()} of root" in message


def test_who_listens_on_all_addresses_is_in_the_way_of_each() -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        assert strangers(stream(listener, "127.0.0.1"))
        assert strangers([stream(listener, "192.0.2.1")])


def test_who_listens_on_another_address_is_not_in_the_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert strangers(stream(listener, "192.0.2.1")) == []


def test_a_free_address_and_a_path_are_nobodys() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = stream(listener)
    assert strangers([free, "/run/hub.sock"]) == []


def test_a_socket_that_stays_is_not_looked_at(listener: socket.socket) -> None:
    assert strangers(stream(listener), state="active") == []
    assert strangers(stream(listener), state="active", changes={"/etc/systemd/system/hub.socket": ("", "")})


def test_a_unit_of_the_run_lets_go_what_it_has(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Process(7, "jupyterhub", "root", "hub.socket")
    monkeypatch.setattr(listeners, "listening_on", lambda _stream: [ours])
    assert strangers(stream(listener)) == []


def test_an_absent_socket_needs_nothing(listener: socket.socket) -> None:
    assert listeners.strangers([{**UNIT, "state": "absent", "sections": {}}], {}, {}) == []
