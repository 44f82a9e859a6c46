"""Which units started before one of their files was changed."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager, stale
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import PROPERTIES
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.stale import StaleUnits, stale_units

START = 946_684_800.0  # 2000-01-01
STATE = {
    **dict.fromkeys(PROPERTIES, ""),
    "ActiveState": "active",
    "FragmentPath": "/lib/a.service",
    "ExecMainStartTimestamp": "Sat 2000-01-01 00:00:00.000000 UTC",
}
NEVER = float("-inf")


def unit(name: str = "a.service", **values: object) -> dict:
    defaults = {"state": "present", "drop_in": "", "restart_on": [], "credentials": {}}
    return {"name": name, **defaults, **values}


@pytest.mark.parametrize(
    ("entry", "times", "is_stale"),
    [
        (unit(), {}, False),
        (unit(), {"/lib/a.service": START + 1}, True),
        (unit(), {"/lib/a.service": START}, False),
        (unit(restart_on=["/etc/x"]), {"/etc/x": START + 1}, True),
        (unit(credentials={"token": "/etc/token"}), {"/etc/token": START + 1}, True),
        (unit(restart_on=None), {"/lib/a.service": START + 1}, False),
        (unit(state="absent"), {"/lib/a.service": START + 1}, False),
    ],
)
def test_files(monkeypatch: pytest.MonkeyPatch, entry: dict, times: dict[str, float], is_stale: bool) -> None:
    monkeypatch.setattr(stale, "modification_time", lambda path: times.get(path, NEVER))
    assert stale_units([entry], {}, {"a.service": STATE}).names == ["a.service"] * is_stale
    assert stale_units([entry], {}, {"a.service": {**STATE, "ActiveState": "inactive"}}) == StaleUnits()


@pytest.mark.parametrize("entry", [unit(restart_on=["/etc/x"]), unit(credentials={"config": "/etc/x"})])
def test_a_file_that_would_change_is_predicted(monkeypatch: pytest.MonkeyPatch, entry: dict) -> None:
    monkeypatch.setattr(stale, "modification_time", lambda _path: NEVER)
    assert stale_units([entry], {}, {"a.service": STATE}, ["/etc/x"]).names == ["a.service"]
    assert stale_units([entry], {}, {"a.service": STATE}, ["/etc/y"]).names == []


def test_a_time_in_the_future_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"/etc/future": 1e12, "/etc/x": START + 1}
    monkeypatch.setattr(stale, "modification_time", lambda path: times.get(path, NEVER))
    found = stale_units([unit(restart_on=["/etc/future"])], {}, {"a.service": STATE})
    assert found.names == []
    assert found.warnings == [
        "/etc/future has a time in the future, so a.service is not restarted for it; touch the file."
    ]
    assert stale_units([unit(restart_on=["/etc/future", "/etc/x"])], {}, {"a.service": STATE}).names == ["a.service"]


@pytest.mark.parametrize(
    ("present", "is_stale"), [(START + 1, False), (START, False), (START - 1, True), (START - 86400, True)]
)
def test_a_start_in_the_future_was_by_a_wrong_clock(
    monkeypatch: pytest.MonkeyPatch, present: float, is_stale: bool
) -> None:
    monkeypatch.setattr(stale, "modification_time", lambda _path: NEVER)
    monkeypatch.setattr(stale.time, "time", lambda: present)
    assert stale_units([unit()], {}, {"a.service": STATE}).names == ["a.service"] * is_stale


def test_an_unknown_start_is_none_in_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stale, "modification_time", lambda _path: NEVER)
    unknown = {**STATE, "ExecMainStartTimestamp": "", "InactiveExitTimestamp": ""}
    assert stale_units([unit()], {}, {"a.service": unknown}).names == []


@pytest.mark.parametrize("changed", [unit("a@.service"), unit("a@b.service", drop_in="50-x")])
def test_changes_of_this_run(monkeypatch: pytest.MonkeyPatch, changed: dict) -> None:
    monkeypatch.setattr(stale, "modification_time", lambda _path: NEVER)
    monkeypatch.setattr(manager, "ROOT", "/etc")
    path = "/etc/a@.service" if changed["name"] == "a@.service" else "/etc/a@b.service.d/50-x.conf"
    units = [unit("a@b.service"), {**changed, "restart_on": None}]
    assert stale_units(units, {path: (None, "x")}, {"a@b.service": STATE}).names == ["a@b.service"]
    assert stale_units(units, {"/etc/other": (None, "x")}, {"a@b.service": STATE}).names == []
