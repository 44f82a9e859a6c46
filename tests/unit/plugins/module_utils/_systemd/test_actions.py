"""Which actions a step has, and what they run."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import actions, manager
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.actions import Action
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import PROPERTIES, Host, SystemdError

IDLE = {**dict.fromkeys(PROPERTIES, ""), "LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}
RUNNING = {**IDLE, "ActiveState": "active"}


class Tools:
    """Takes the place of run_command; remembers what it is asked but not `show`, for which every unit is active."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    def __call__(self, command: list[str], **_options: object) -> tuple[int, str, str]:
        if command[1] == "show":
            return 0, "\n\n".join("ActiveState=active" for _name in command[command.index("--") + 1 :]), ""
        self.commands.append(" ".join(command[1:]))
        return 0, "", ""


@pytest.fixture
def tools() -> Tools:
    return Tools()


@pytest.fixture
def host(tools: Tools) -> Host:
    return Host(tools)


@pytest.fixture(autouse=True)
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """No test looks at the units of this machine."""
    monkeypatch.setattr(manager, "ROOT", str(tmp_path))
    monkeypatch.setattr(actions, "TIMER_STAMP", str(tmp_path / "stamp-{}"))
    return tmp_path


def unit(name: str, **values: object) -> dict:
    defaults = {"state": "present", "drop_in": "", "sections": {}, "enabled": None, "started": None}
    return {"name": name, **defaults, **values}


def carry_out(found: list[Action]) -> list[str]:
    """Carries actions out and returns their texts."""
    for action in found:
        action.carry_out()
    return [action.text for action in found]


def test_sockets_stop_before_their_services(root: pathlib.Path, tools: Tools, host: Host) -> None:
    units = [unit(name, state="absent") for name in ("a.service", "a.socket", "b.timer", "c.service")]
    state = {
        "a.service": {**RUNNING, "FragmentPath": str(root / "a.service"), "UnitFileState": "enabled"},
        "a.socket": {**RUNNING, "FragmentPath": str(root / "a.socket")},
        "b.timer": {**IDLE, "FragmentPath": str(root / "b.timer")},
        # Somebody else's.
        "c.service": {**RUNNING, "FragmentPath": "/lib/c.service", "UnitFileState": "enabled"},
    }
    (root / "stamp-b.timer").touch()
    changes = {str(root / "b.timer"): ("old", None)}
    assert carry_out(actions.removal_actions(units, changes, state, host)) == [
        "stop a.socket a.service",
        "disable b.timer a.service",
        f"remove {root}/stamp-b.timer",
    ]
    assert not (root / "stamp-b.timer").exists()
    assert tools.commands == [
        "stop -- a.socket a.service",
        "reset-failed -- a.socket a.service",
        "disable --quiet -- b.timer a.service",
    ]


def test_a_template_stops_with_its_instances(root: pathlib.Path, host: Host) -> None:
    changes = {str(root / "a@.service"): ("old", None)}
    found = actions.removal_actions([unit("a@.service", state="absent")], changes, {}, host)
    assert carry_out(found) == ["stop a@*.service", "disable a@.service"]


def test_a_drop_in_of_a_unit_goes_without_the_unit(host: Host) -> None:
    gone = unit("a.service", state="absent", drop_in="50-x")
    assert actions.removal_actions([gone], {}, {"a.service": RUNNING}, host) == []


def test_files_are_written_and_removed(root: pathlib.Path) -> None:
    (root / "old.service").touch()
    changes = {str(root / "a.service"): (None, "text"), str(root / "old.service"): ("", None)}
    assert carry_out(actions.file_actions(changes)) == [f"write {root}/a.service", f"remove {root}/old.service"]
    assert [path.name for path in root.iterdir()] == ["a.service"]


def test_one_command_enables_all(monkeypatch: pytest.MonkeyPatch, tools: Tools, host: Host) -> None:
    monkeypatch.setattr(actions, "existing_links", lambda _name: set())
    wanted = {"Service": {}, "Install": {"WantedBy": "b.target"}}
    units = [
        *(unit(name, sections=wanted) for name in ("a.service", "b.service", "t@.service")),
        *(unit("c.service", state=state) for state in ("present", "absent")),
    ]
    found = actions.enable_actions(units, {"a.service": IDLE, "b.service": IDLE, "c.service": IDLE}, host)
    assert carry_out(found) == ["enable a.service b.service", "enable c.service"]
    assert tools.commands == ["reenable --quiet -- a.service b.service", "enable --quiet -- c.service"]


def test_a_stale_socket_stops_together_with_its_service(tools: Tools, host: Host) -> None:
    state = {"a.socket": {**RUNNING, "Triggers": "a.service"}, "b.service": RUNNING}
    found = actions.restart_actions(["b.service", "a.socket"], state, host)
    assert carry_out(found) == ["stop a.socket a.service", "start a.socket", "restart b.service"]
    assert tools.commands == ["stop -- a.socket a.service", "start -- a.socket", "restart -- b.service"]


def test_failures_are_reset_before_a_start(tools: Tools, host: Host) -> None:
    units = [unit(name) for name in ("a.service", "b.service", "c.service")]
    state = {"a.service": RUNNING, "b.service": {**IDLE, "ActiveState": "failed"}, "c.service": IDLE}
    found = actions.start_actions([*units, unit("t@.service")], state, host)
    assert carry_out(found) == ["reset-failed b.service", "start b.service c.service"]
    assert tools.commands == ["reset-failed -- b.service", "start -- b.service c.service"]


@pytest.mark.parametrize(("changes", "expected"), [({}, []), ({"/etc/a.service": ("", "x")}, ["daemon-reload"])])
def test_the_daemon_reloads_for_files(host: Host, changes: dict, expected: list[str]) -> None:
    assert carry_out(actions.reload_actions([], changes, {}, host)) == expected


def test_an_action_that_fails_says_why() -> None:
    host = Host(lambda *_arguments, **_options: (1, "", "no bus"))
    (action,) = actions.start_actions([unit("a.service")], {"a.service": {**IDLE, "ActiveState": "inactive"}}, host)
    with pytest.raises(SystemdError, match="no bus"):
        action.carry_out()
