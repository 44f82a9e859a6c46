"""Decisions of the module, and whole runs with a stub for systemctl."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import (
    actions,
    file_changes,
    manager,
    memory,
    stale,
    verification,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import write
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import PROPERTIES
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import render
from ansible_collections.nbops.jupyter.plugins.modules import systemd_units

DEFAULTS = {"drop_in": "", "sections": {}, "enabled": None, "started": None}
WANTED = {"Service": {"User": "x"}, "Install": {"WantedBy": "b.target"}}
LINK = {"b.target.wants/a.service"}


@pytest.mark.parametrize(
    ("entry", "started"),
    [
        ({"name": "a.service"}, True),
        ({"name": "a.service", "started": False}, False),
        ({"name": "a@b.service"}, True),
        ({"name": "a@.service"}, False),
        ({"name": "a.service", "drop_in": "50-x"}, False),
        ({"name": "a.service", "drop_in": "50-x", "started": True}, True),
    ],
)
def test_wants_start(entry: dict, started: bool) -> None:
    assert actions.wants_start({**DEFAULTS, **entry}) is started


@pytest.mark.parametrize(
    ("entry", "file_state", "links", "verb"),
    [
        ({"sections": WANTED}, "disabled", set(), "reenable"),
        ({"sections": WANTED}, "enabled", LINK, None),
        ({"sections": WANTED}, "enabled", {"old.target.wants/a.service"}, "reenable"),
        ({"sections": WANTED, "enabled": False}, "enabled", LINK, "disable"),
        ({"sections": WANTED, "enabled": False}, "disabled", set(), None),
        ({"sections": {"Service": {"User": "x"}}}, "static", set(), None),
        ({"sections": {"Service": {"User": "x"}}}, "static", LINK, "disable"),
        ({"sections": {**WANTED, "Install": {"Alias": "c.service"}}}, "disabled", set(), "enable"),
        ({"sections": {**WANTED, "Install": {"Alias": "c.service"}}}, "enabled", set(), None),
        ({}, "disabled", set(), "enable"),
        ({}, "", set(), "enable"),
        ({}, "enabled-runtime", set(), "enable"),
        ({}, "static", set(), None),
        ({"enabled": False}, "enabled", set(), "disable"),
        ({"enabled": False}, "disabled", set(), None),
        ({"drop_in": "50-x"}, "disabled", set(), None),
        ({"drop_in": "50-x", "enabled": True}, "disabled", set(), "enable"),
    ],
)
def test_enablement(
    monkeypatch: pytest.MonkeyPatch, entry: dict, file_state: str, links: set[str], verb: str | None
) -> None:
    monkeypatch.setattr(actions, "existing_links", lambda _name: links)
    assert actions.enablement({**DEFAULTS, "name": "a.service", **entry}, file_state) == verb


def comparable(options: dict) -> dict:
    """What both forms of a specification say of an option, without its description."""
    return {
        name: {
            **{key: option[key] for key in ("type", "elements", "required", "choices", "default") if key in option},
            **({"options": comparable(option["options"])} if "options" in option else {}),
        }
        for name, option in options.items()
    }


def test_the_role_takes_what_the_module_takes() -> None:
    role = pathlib.Path(systemd_units.__file__).parents[2] / "roles/systemd/meta/argument_specs.yml"
    options = yaml.safe_load(role.read_text())["argument_specs"]["main"]["options"]
    assert comparable(options["systemd_units"]["options"]) == comparable(systemd_units.UNITS_SPEC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a.service: Command /opt/x is not executable: No such file or directory", True),
        ("a.service: Command /opt/x is not executable: Permission denied", False),
        ("Unit a.service not found.", True),
        ("a.socket: service a.service not loaded, socket cannot be started.", True),
        ("/etc/systemd/system/a.service:3: Unknown key 'X' in section [Service], ignoring.", False),
    ],
)
def test_what_check_mode_forgives(line: str, expected: bool) -> None:
    assert bool(verification.NOT_YET.search(line)) is expected


SERVICE = {
    "name": "a.service",
    "sections": {"Service": {"User": "x", "ExecStart": "/bin/x"}},
    "sandbox": "none",
    "restart_on": [],
}
DROP_IN = {"name": "a.service", "drop_in": "50-x", "sections": {"Service": {"Nice": 5}}}
GONE = {"name": "a.service", "drop_in": "50-x", "state": "absent"}


@pytest.fixture
def run(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, Any]]:
    """Runs the module where the unit a.service is active since 2000 and has a drop-in, both by this module."""
    monkeypatch.setattr(manager, "ROOT", str(tmp_path))
    monkeypatch.setattr(systemd_units, "STAGES", str(tmp_path))
    monkeypatch.setattr(file_changes, "WAIT_READY", str(tmp_path / "wait-ready"))
    monkeypatch.setattr(file_changes, "is_protected", lambda _path: True)
    monkeypatch.setattr(stale, "modification_time", lambda _path: 0.0)
    monkeypatch.setattr(actions, "existing_links", lambda _name: set())
    for entry in (SERVICE, DROP_IN):
        write(file_changes.file_of(entry), render(entry, {}))
    state = {
        **dict.fromkeys(PROPERTIES, ""),
        "LoadState": "loaded",
        "ActiveState": "active",
        "FragmentPath": str(tmp_path / "a.service"),
        "DropInPaths": str(tmp_path / "a.service.d/50-x.conf"),
        "ExecMainStartTimestamp": "Sat 2000-01-01 00:00:00.000000 UTC",
    }
    shown = "\n".join(f"{name}={value}" for name, value in state.items())

    def run_command(_self: object, command: list[str], **_options: object) -> tuple[int, str, str]:
        return 0, shown if command[1] == "show" else "", ""

    monkeypatch.setattr(systemd_units.AnsibleModule, "run_command", run_command)

    def module(*units: dict, check: bool, **internal: str) -> dict[str, Any]:
        given = {"units": list(units), "_ansible_check_mode": check, **internal}
        with patch_module_args(given), pytest.raises(SystemExit):
            systemd_units.main()
        return json.loads(capsys.readouterr().out)

    return module


@pytest.mark.parametrize(
    ("units", "verbs", "stale"),
    [
        ([SERVICE, DROP_IN], [], []),
        (
            [{**SERVICE, "sections": {"Service": {"User": "y", "ExecStart": "/bin/x"}}}],
            ["write", "reload"],
            ["a.service"],
        ),
        ([SERVICE, {**DROP_IN, "sections": {"Service": {"Nice": 9}}}], ["write", "reload"], ["a.service"]),
        ([SERVICE, GONE], ["remove", "reload"], ["a.service"]),
        ([GONE], ["remove", "reload"], []),
    ],
)
def test_check_mode_predicts_the_run(
    run: Callable[..., dict], units: list[dict], verbs: list[str], stale: list[str]
) -> None:
    predicted, done = run(*units, check=True), run(*units, check=False)
    assert predicted == done
    assert (done["changed"], done["stale"]) == (bool(verbs), stale)
    words = [action.split()[0].removeprefix("daemon-") for action in done["actions"]]
    assert words == verbs + ["restart"] * len(stale)


class Systemd:
    """Takes the place of systemctl: the states of units, which its orders change."""

    def __init__(self) -> None:
        self.active: dict[str, str] = {}
        # By the name of a unit, another unit that stops together with it.
        self.bound: dict[str, str] = {}
        self.refused = ""
        self.orders: list[str] = []

    def run(self, command: list[str], **_options: object) -> tuple[int, str, str]:
        verb, names = command[1], command[command.index("--") + 1 :] if "--" in command else []
        if verb == "show":
            return 0, "\n\n".join(self.shown(name) for name in names), ""
        if command[0] == "systemctl":
            self.orders.append(verb)
        if verb == self.refused:
            return 1, "", "it is refused"
        for name in names if verb in ("start", "restart", "stop") else ():
            state = "inactive" if verb == "stop" else "active"
            self.active[name] = state
            if name in self.bound:
                self.active[self.bound[name]] = state
        return 0, "", ""

    def shown(self, name: str) -> str:
        path = f"{manager.ROOT}/{name}"
        found = {
            **dict.fromkeys(PROPERTIES, ""),
            "LoadState": "loaded",
            "ActiveState": self.active.get(name, "inactive"),
            "UnitFileState": "static",
            "FragmentPath": path if pathlib.Path(path).exists() else "",
            "ExecMainStartTimestamp": "Sat 2000-01-01 00:00:00.000000 UTC",
        }
        return "\n".join(f"{key}={value}" for key, value in found.items())


@pytest.fixture
def systemd(run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """A host where a.service runs, without its drop-in."""
    host = Systemd()
    host.active["a.service"] = "active"
    monkeypatch.setattr(systemd_units.AnsibleModule, "run_command", lambda _self, *args, **kw: host.run(*args, **kw))
    run(GONE, check=False)
    host.orders.clear()
    return host


NEW = {**SERVICE, "name": "new.service"}


def test_units_are_tried_without_a_warning_and_nothing_of_that_stays(
    run: Callable[..., dict], systemd: Systemd, tmp_path: pathlib.Path, warnings: list[str]
) -> None:
    remote = tmp_path / "missing"
    before = set(tmp_path.iterdir())
    assert run(NEW, check=False, _ansible_remote_tmp=str(remote))["changed"]
    assert warnings == []
    assert set(tmp_path.iterdir()) - before == {tmp_path / "new.service"}


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ([SERVICE], []),
        ([NEW], ["write", "reload", "start"]),
        ([{**NEW, "sections": {**SERVICE["sections"], **WANTED}}], ["write", "reload", "enable", "start"]),
        ([{"name": "a.service", "state": "absent"}], ["stop", "disable", "remove", "reload"]),
        ([{**NEW, "started": False}, {"name": "gone.service", "state": "absent"}], ["write", "reload"]),
    ],
)
def test_check_mode_predicts_each_step(
    run: Callable[..., dict], systemd: Systemd, units: list[dict], words: list[str]
) -> None:
    units = [{**unit, "sections": {**unit.get("sections", {}), **SERVICE["sections"]}} for unit in units]
    predicted = run(*units, check=True)
    assert systemd.orders == []
    done = run(*units, check=False)
    assert predicted == done
    assert [action.split()[0].removeprefix("daemon-") for action in done["actions"]] == words


def test_a_unit_that_stops_with_another_is_started_again(run: Callable[..., dict], systemd: Systemd) -> None:
    run(NEW, check=False)
    systemd.bound["new.service"] = "a.service"
    result = run(SERVICE, {"name": "new.service", "state": "absent"}, check=False)
    assert result["actions"][-1] == "start a.service"
    assert systemd.active == {"a.service": "active", "new.service": "inactive"}


def test_a_failure_reports_the_actions_until_then(run: Callable[..., dict], systemd: Systemd) -> None:
    systemd.refused = "daemon-reload"
    result = run(NEW, check=False)
    assert (result["failed"], result["changed"]) == (True, True)
    assert [action.split()[0] for action in result["actions"]] == ["write", "daemon-reload"]
    assert "it is refused" in result["msg"]


def test_nothing_is_done_for_a_wrong_unit(run: Callable[..., dict], systemd: Systemd) -> None:
    result = run({**NEW, "sandbox": "unknown"}, check=False)
    assert (result["failed"], result["changed"], result["actions"], systemd.orders) == (True, False, [], [])


def test_nothing_is_done_for_a_sandbox_with_a_path_that_is_missing(run: Callable[..., dict], systemd: Systemd) -> None:
    """Unless it is check mode, in which earlier tasks made nothing, or something else starts the unit later."""
    path = "/srv/nbops-not-there"
    changed = {**SERVICE, "sections": {"Service": {**SERVICE["sections"]["Service"], "ReadWritePaths": path}}}
    assert run(changed, check=True)["changed"]
    result = run(changed, check=False)
    assert (result["failed"], result["changed"], systemd.orders) == (True, False, [])
    assert f"a.service: ReadWritePaths names {path}, which is not on this host" in result["msg"]
    assert run({**changed, "started": False}, check=False)["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_a_time_in_the_future_is_one_warning(
    run: Callable[..., dict], systemd: Systemd, monkeypatch: pytest.MonkeyPatch, warnings: list[str], check: bool
) -> None:
    monkeypatch.setattr(stale, "modification_time", lambda _path: 1e12)
    assert not run(SERVICE, check=check)["stale"]
    assert len(warnings) == 1
    assert "has a time in the future" in warnings[0]


@pytest.mark.parametrize(
    ("limit", "told"),
    [("8G", False), ("8193M", True), ("1T", True), ("9000000000", True), ("80%", False), ("infinity", False)],
)
def test_a_limit_above_the_memory_of_the_host_is_a_warning_with_both_numbers(
    run: Callable[..., dict],
    systemd: Systemd,
    monkeypatch: pytest.MonkeyPatch,
    warnings: list[str],
    limit: str,
    told: bool,
) -> None:
    monkeypatch.setattr(memory, "of_host", lambda: 8 * 2**30)
    assert run({**SERVICE, "limits": {"memory_max": limit}}, check=True)["changed"]
    found = [one for one in warnings if "memory_max" in one]
    assert [f"memory_max is {limit}, and this host has 8.0G of memory" in one for one in found] == [True] * told
