"""Units of systemd that have an address for a server."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

import pytest

UNIT = "jupyterhub-port-ada:b.service"
ADDRESS = "jupyterhub-port-ada:b.socket"


@pytest.fixture
def units(hub: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The module on a host whose systemd answers what `units.answers` says, and then that all went well."""
    found = importlib.import_module("nbops_jupyterhub.units")
    found.ran, found.answers = [], []

    async def run(command: list[str]) -> tuple[int, bytes]:
        found.ran.append(command)
        return found.answers.pop(0) if found.answers else (0, b"")

    monkeypatch.setattr(found, "run", run)
    monkeypatch.setattr(found, "UNITS", tmp_path)
    return found


def test_an_address_and_its_connections_go_at_once(units: Any, tmp_path: Path) -> None:
    (tmp_path / ADDRESS).touch()
    asyncio.run(units.let_go(UNIT))
    assert units.ran == [["systemctl", "stop", ADDRESS, UNIT]]


def test_what_is_free_is_not_freed(units: Any) -> None:
    asyncio.run(units.let_go(UNIT))
    assert units.ran == []


def test_an_address_that_stays_is_told(units: Any, tmp_path: Path) -> None:
    (tmp_path / ADDRESS).touch()
    units.answers += [(1, b"Connection timed out")]
    with pytest.raises(units.StartError, match=f"{ADDRESS} does not stop: Connection timed out"):
        asyncio.run(units.let_go(UNIT))


def test_a_unit_that_ended_by_itself_is_no_fault(units: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(_command: list[str]) -> tuple[int, bytes]:
        (tmp_path / ADDRESS).unlink()
        return 5, b"not loaded"

    (tmp_path / ADDRESS).touch()
    monkeypatch.setattr(units, "run", run)
    asyncio.run(units.let_go(UNIT))
