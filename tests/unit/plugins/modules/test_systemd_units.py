"""Decisions of the module, and whole runs with a stub for systemctl."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import PROPERTIES
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
    assert systemd_units.wants_start({**DEFAULTS, **entry}) is started


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
    monkeypatch.setattr(systemd_units, "existing_links", lambda _name: links)
    assert systemd_units.enablement({**DEFAULTS, "name": "a.service", **entry}, file_state) == verb


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
    assert bool(systemd_units.NOT_YET.search(line)) is expected


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
    monkeypatch.setattr(systemd_units, "ROOT", str(tmp_path))
    monkeypatch.setattr(systemd_units, "WAIT_READY", str(tmp_path / "wait-ready"))
    monkeypatch.setattr(systemd_units, "is_protected", lambda _path: True)
    monkeypatch.setattr(systemd_units, "modification_time", lambda _path: 0.0)
    monkeypatch.setattr(systemd_units, "existing_links", lambda _name: set())
    for entry in (SERVICE, DROP_IN):
        systemd_units.write(systemd_units.file_of(entry), systemd_units.render(entry, {}))
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

    def module(*units: dict, check: bool) -> dict[str, Any]:
        with patch_module_args({"units": list(units), "_ansible_check_mode": check}), pytest.raises(SystemExit):
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
