"""Decisions of the module that need no host."""

from __future__ import annotations

import pathlib

import pytest
import yaml
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
    assert comparable(options["systemd_units"]["options"]) == comparable(systemd_units.UNIT_SPECIFICATION)


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
