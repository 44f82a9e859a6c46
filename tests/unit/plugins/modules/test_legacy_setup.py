"""What is backed up, restored and refused; systemctl is a stub, files are real."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import processes
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import HEADER
from ansible_collections.nbops.jupyter.plugins.modules import legacy_setup


class World:
    """A host with a unit that somebody wrote, a unit of ours, and a site."""

    def __init__(self, root: pathlib.Path) -> None:
        self.units, self.site, self.backup = root / "units", root / "site", root / "backup"
        self.units.mkdir()
        (self.units / "old.service").write_text("[Service]\n")
        (self.units / "ours.service").write_text(HEADER)
        self.site.write_text("server {}")
        self.calls: list[str] = []

    def run(self, command: list[str], **_options: object) -> tuple[int, str, str]:
        if command[1] == "reset-failed":
            return 0, "", ""
        if command[1] == "show":
            return 0, "ActiveState=active\nUnitFileState=enabled", ""
        self.calls.append(" ".join(command))
        return 0, "", ""

    def everything(self) -> set[str]:
        return {path.name for path in (*self.units.iterdir(), self.site) if path.exists()}


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)
    monkeypatch.setattr(legacy_setup, "ROOT", str(world.units))
    monkeypatch.setattr(processes, "PROC", str(tmp_path))
    module = legacy_setup.AnsibleModule
    monkeypatch.setattr(module, "run_command", lambda _self, *command, **options: world.run(*command, **options))
    return world


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def module(check: bool = False, **arguments: Any) -> dict[str, Any]:
        given = {
            "units": ["old.service", "ours.service", "gone.service"],
            "files": [str(world.site)],
            "backup": str(world.backup),
            "_ansible_check_mode": check,
            **arguments,
        }
        with patch_module_args(given), pytest.raises(SystemExit):
            legacy_setup.main()
        return json.loads(capsys.readouterr().out)

    return module


ALL = {"old.service", "ours.service", "site"}


def test_the_backup_takes_what_is_not_ours(world: World, run: Callable[..., dict]) -> None:
    assert run()["changed"]
    assert world.everything() == {"ours.service"}
    assert world.calls == ["systemctl disable --now --quiet -- old.service", "systemctl daemon-reload"]
    assert not run()["changed"]


def test_check_mode_predicts_the_actions(world: World, run: Callable[..., dict]) -> None:
    told = run(check=True)
    assert (world.everything(), world.calls, world.backup.exists()) == (ALL, [], False)
    assert told["actions"] == run()["actions"]


def test_restore_starts_what_ran(world: World, run: Callable[..., dict]) -> None:
    run()
    (world.units / "old.service").write_text(HEADER)
    world.calls.clear()
    assert run(state="restored", successors=["new.service"])["changed"]
    assert world.everything() == ALL
    assert (world.units / "old.service").read_text() == "[Service]\n"
    assert world.calls == [
        "systemctl stop -- new.service",
        "systemctl daemon-reload",
        "systemctl enable -- old.service",
        "systemctl start -- old.service",
    ]
    assert not run(state="restored")["changed"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"units": ["../site"]},
        {"units": ["old"]},
        {"files": ["site"]},
        {"files": ["/etc"]},
        {"processes_of": ["no-such-account"]},
    ],
)
def test_wrong_names_are_refused(world: World, run: Callable[..., dict], arguments: dict) -> None:
    result = run(**arguments)
    assert result["failed"]
    assert "nothing was changed" in result["msg"]
    assert (world.everything(), world.calls) == (ALL, [])


def test_an_unreadable_list_of_the_backup_is_reported(world: World, run: Callable[..., dict]) -> None:
    world.backup.mkdir()
    (world.backup / "moved.json").write_text("{")
    result = run()
    assert result["failed"]
    assert "moved.json" in result["msg"]
    assert (world.everything(), world.calls) == (ALL, [])
