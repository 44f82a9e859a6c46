"""Ports that systemd holds for servers."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

UNIT = "jupyterhub-port-ada:b.service"
ADDRESS = "jupyterhub-port-ada:b.socket"
SOCKET = "/run/jupyterhub-sockets/ada,b/server.sock"


@pytest.fixture
def ports(hub: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The module on a host whose systemd answers what `ports.answers` says, and then that all went well."""
    found = importlib.import_module("nbops_jupyterhub.ports")
    found.ran, found.answers, numbers = [], [], iter(range(40000, 41000))

    async def run(command: list[str]) -> tuple[int, bytes]:
        found.ran.append(command)
        return found.answers.pop(0) if found.answers else (0, b"")

    monkeypatch.setattr(found, "run", run)
    monkeypatch.setattr(found.units, "UNITS", tmp_path)
    monkeypatch.setattr(found, "random_port", lambda: next(numbers))
    return found


def test_systemd_binds_before_anybody_is_told(ports: Any) -> None:
    assert asyncio.run(ports.hold(UNIT, SOCKET)) == 40000
    assert [command[0] for command in ports.ran] == ["systemd-run"]
    command = ports.ran[0]
    assert f"--unit={UNIT}" in command
    assert "--property=BindReadOnlyPaths=/run/jupyterhub-sockets/ada,b" in command
    assert "--socket-property=ListenStream=127.0.0.1:40000" in command
    assert command[-1] == SOCKET


def test_a_port_that_somebody_took_meanwhile_is_passed_over(ports: Any) -> None:
    ports.answers += [(1, b"Address already in use")] * 2
    assert asyncio.run(ports.hold(UNIT, SOCKET)) == 40002


@pytest.mark.parametrize("is_full", [False, True])
def test_a_host_without_a_free_port_is_told_in_one_sentence(
    ports: Any, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    def full() -> int:
        raise OSError("Address already in use")

    if is_full:
        monkeypatch.setattr(ports, "random_port", full)
    ports.answers += [(1, b"Address already in use\n")] * ports.ATTEMPTS
    with pytest.raises(ports.PortError) as raised:
        asyncio.run(ports.hold(UNIT, SOCKET))
    told = "No port of this host could be had for the server (Address already in use). Ask the administrator."
    assert raised.value.jupyterhub_message == told
    assert len(ports.ran) == (0 if is_full else ports.ATTEMPTS)


def test_a_port_and_its_connections_go_at_once(ports: Any, tmp_path: Path) -> None:
    (tmp_path / ADDRESS).touch()
    asyncio.run(ports.let_go(UNIT))
    assert ports.ran == [["systemctl", "stop", ADDRESS, UNIT]]


def test_what_is_free_is_not_freed(ports: Any) -> None:
    asyncio.run(ports.let_go(UNIT))
    assert ports.ran == []


def test_a_port_that_stays_is_told(ports: Any, tmp_path: Path) -> None:
    (tmp_path / ADDRESS).touch()
    ports.answers += [(1, b"Connection timed out")]
    with pytest.raises(ports.PortError, match=f"{ADDRESS} does not stop: Connection timed out"):
        asyncio.run(ports.let_go(UNIT))


def test_a_unit_that_ended_by_itself_is_no_fault(ports: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(_command: list[str]) -> tuple[int, bytes]:
        (tmp_path / ADDRESS).unlink()
        return 5, b"not loaded"

    (tmp_path / ADDRESS).touch()
    monkeypatch.setattr(ports, "run", run)
    asyncio.run(ports.let_go(UNIT))
