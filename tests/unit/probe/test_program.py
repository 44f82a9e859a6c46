"""What root does around a visit."""

from __future__ import annotations

import fcntl
import json
import pathlib
import pwd
import sys

import probe
import pytest

LAB = {"kind": "lab", "name": "lab", "key": "lab lab"}
HUB = {"kind": "hub", "name": "jupyterhub", "key": "hub jupyterhub", "unit": "jupyterhub.service"}


def test_metrics() -> None:
    rows = [
        {"key": "lab lab", "check": "page", "state": "ok", "text": "", "seconds": 0.25},
        {"key": "lab lab", "check": "login", "state": "skip", "text": "", "seconds": 0.0},
        {"key": "hub jupyterhub", "check": "chain", "state": "warn", "text": "", "seconds": 0.5},
        {"key": "hub jupyterhub", "check": "page", "state": "red", "text": "", "seconds": 2},
    ]
    lines = probe.metrics([LAB, HUB], rows, 1795949241.4).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        'nbops_probe_success{kind="lab",name="lab"} 1',
        'nbops_probe_success{kind="hub",name="jupyterhub"} 0',
        'nbops_probe_step_seconds{kind="lab",name="lab",step="page"} 0.25',
        'nbops_probe_step_seconds{kind="hub",name="jupyterhub",step="chain"} 0.5',
        "nbops_probe_last_run_timestamp_seconds 1795949241",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "[" * 100_000,
        '{"check": "page"}',
        '{"check": "page", "state": [], "text": "", "seconds": 1}',
        '{"check": "page", "state": "fine", "text": "", "seconds": 1}',
        '{"check": "page\\nnbops_probe_success 1", "state": "ok", "text": "", "seconds": 1}',
        '{"check": "page", "state": "ok", "text": "", "seconds": "1"}',
        '{"check": "page", "state": "ok", "text": "", "seconds": NaN}',
        '{"check": "page", "state": "ok", "text": "", "seconds": 1, "key": "hub jupyterhub"}',
    ],
)
def test_whoever_is_visited_has_no_rows_of_their_own(line: str) -> None:
    row = {"check": "page", "state": "ok", "text": "all is well", "seconds": 0.5}
    assert probe.rows_of(f"{line}\n{json.dumps(row)}\n") == [row]


def test_metrics_say_each_step_once() -> None:
    row = {"key": "lab lab", "check": "page", "state": "ok", "text": "", "seconds": 0.25}
    assert probe.metrics([LAB], [row, {**row, "seconds": 1}], 1).count('step="page"') == 1


def test_metrics_are_whole_and_for_everybody(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "nbops_probe.prom"
    path.write_text("old")
    probe.write_metrics(path, "new\n")
    assert (path.read_text(), path.stat().st_mode & 0o777, [*tmp_path.iterdir()]) == ("new\n", 0o644, [path])


def test_one_run_at_a_time_and_no_lock_is_left(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    monkeypatch.setattr(probe, "LOCK", str(path))
    with probe.locked(fcntl.LOCK_EX) as first, probe.locked(fcntl.LOCK_EX | fcntl.LOCK_NB) as second:
        assert (first, second) == (True, False)
    assert not path.exists()
    with probe.locked(fcntl.LOCK_EX | fcntl.LOCK_NB) as again:
        assert again


def test_an_account_of_somebody_else_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = pwd.struct_passwd((probe.ACCOUNT, "x", 1000, 1000, "Mrs. Probe", "/home/probe", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: somebody)
    called = []
    monkeypatch.setattr(probe, "call", lambda *command, **_named: called.append(command) or (0, ""))
    monkeypatch.setattr(probe, "ask", lambda *_arguments, **_named: (404, b""))
    with pytest.raises(probe.ProbeError, match=r"The account nbops-probe is somebody's \(Mrs\. Probe\)"):
        probe.make_account("jupyterhub", "")
    assert probe.clean([HUB]) == []
    assert called == [("systemctl", "stop", probe.VISIT)]


def test_a_group_that_is_made_for_the_visit_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(probe, "call", lambda *command, **_named: called.append(command) or (0, ""))
    monkeypatch.setattr(probe, "is_group", lambda _name: False)
    probe.make_account("jupyterhub", "")
    assert called[0] == ("groupadd", "--system", "jupyterhub")
    (comment,) = [option for option in called[1] if option.startswith("--comment=")]
    gecos = comment.partition("=")[2]
    called.clear()
    monkeypatch.setattr(probe, "is_group", lambda _name: True)
    monkeypatch.setattr(probe.grp, "getgrnam", lambda name: probe.grp.struct_group((name, "x", 999, [])))
    monkeypatch.setattr(probe, "units_of", lambda _account: [])
    account = pwd.struct_passwd((probe.ACCOUNT, "x", 2**30, 2**30, gecos, "/home/nbops-probe", "/usr/sbin/nologin"))
    assert probe.remove_account(account, []) == []
    assert called == [("userdel", "--remove", "nbops-probe"), ("groupdel", "jupyterhub")]


def test_a_visit_without_a_login_makes_and_removes_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(probe, "clean", lambda _targets: pytest.fail("something is removed"))
    monkeypatch.setattr(probe, "make_account", lambda *_arguments: pytest.fail("an account is made"))
    monkeypatch.setattr(probe, "stopped", lambda *_units: [])
    monkeypatch.setattr(probe, "visit", lambda target: [probe.row("page", "ok", target["name"])])
    hub = {**HUB, "login": "none", "python": sys.executable, "certificate": "", "proxy": "jupyterhub-proxy.service"}
    assert [row["text"] for row in probe.run([hub], {})] == ["jupyterhub"]


def test_a_hub_that_does_not_run_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "stopped", lambda *units: list(units))
    with pytest.raises(probe.ProbeError, match=r"^jupyterhub\.service does not run; see systemctl status"):
        probe.ask({**HUB, "api_url": "http://127.0.0.1:8081/hub/api"}, "GET", "/")


def test_a_host_where_nothing_is_deployed_yet_is_left_alone(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "LOCK", str(tmp_path / "lock"))
    hub = {**HUB, "login": "account", "python": f"{tmp_path}/current/bin/python"}
    assert probe.run([hub], {}) == [
        {
            "key": "hub jupyterhub",
            "check": "visit",
            "state": "red",
            "text": f"jupyterhub: Nothing is deployed here, because there is no {tmp_path}/current/bin/python; "
            "run nbops.jupyter.jupyterhub first.",
            "seconds": 0,
        }
    ]
