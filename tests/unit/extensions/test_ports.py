"""Ports that systemd holds for servers."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

UNIT = "jupyterhub-port-ada:b.service"
SOCKET = "/run/jupyterhub-sockets/ada,b/server.sock"


@pytest.fixture
def ports(hub: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module on a host whose systemd answers what `ports.answers` says, and then that all went well."""
    found = importlib.import_module("nbops_jupyterhub.ports")
    found.ran, found.answers, numbers = [], [], iter(range(40000, 41000))

    async def run(command: list[str]) -> tuple[int, bytes]:
        found.ran.append(command)
        return found.answers.pop(0) if found.answers else (0, b"")

    monkeypatch.setattr(found, "run", run)
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
