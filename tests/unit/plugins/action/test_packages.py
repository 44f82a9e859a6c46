"""Packages are installed where they are missing, and apt is not started where none is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.action import packages
from ansible_collections.nbops.jupyter.plugins.action.packages import ActionModule


class Host:
    """Answers the modules that the action runs, and keeps what it was asked."""

    def __init__(self, missing: list[str], check_mode: bool, index: dict[str, Any] | None = None) -> None:
        self.found = {"changed": bool(missing), "missing": missing, "noted": []}
        self.index = index or {"changed": True}
        self.failures: list[dict[str, Any]] = []  # of the next attempts to install
        self.asked: list[tuple[str, bool]] = []
        self.action = ActionModule.__new__(ActionModule)
        self.action._task = SimpleNamespace(check_mode=check_mode, environment=[{"PATH": "/usr/bin:/bin"}])
        self.action._execute_module = self.execute
        self.given = {"names": ["brotli", "nginx"], "note": "/etc/one/installed", "start": True}
        self.policies: list[int | None] = []  # of the attempts to install
        self.action.validate_argument_spec = lambda _spec: (None, self.given)

    def execute(self, name: str, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        # dpkg refuses to work without it.
        assert "/usr/sbin" in self.action._task.environment[-1]["PATH"].split(":")
        self.asked.append((name.rpartition(".")[2], self.action._task.check_mode))
        if name == "nbops.jupyter.packages":
            assert module_args == self.given
            return self.found
        if "name" not in module_args:
            return self.index
        self.policies.append(module_args.get("policy_rc_d"))
        return self.failures.pop(0) if self.failures else {"changed": True, "name": module_args["name"]}

    def run(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setattr(packages.ActionBase, "run", lambda *_arguments: {})
        return self.action.run(None, {})


@pytest.mark.parametrize("check_mode", [False, True])
def test_apt_is_not_started_where_nothing_is_missing(check_mode: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host([], check_mode)
    host.found["noted"] = ["brotli"]
    assert host.run(monkeypatch) == {"changed": False, "missing": [], "noted": ["brotli"]}
    assert host.asked == [("packages", check_mode)]


def test_what_is_missing_is_noted_before_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["brotli"], check_mode=False)
    host.found["noted"] = ["brotli"]
    assert host.run(monkeypatch) == {"changed": True, "name": ["brotli"], "missing": ["brotli"], "noted": ["brotli"]}
    assert host.asked == [("packages", False), ("apt", False)]


def test_a_host_that_does_not_tell_what_it_has_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host([], check_mode=False)
    host.found = {"failed": True, "msg": "dpkg does not tell"}
    assert host.run(monkeypatch) == {"failed": True, "msg": "dpkg does not tell"}
    assert host.asked == [("packages", False)]


def test_check_mode_fetches_the_index_and_installs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["brotli", "nginx"], check_mode=True)
    assert host.run(monkeypatch)["changed"]
    assert host.asked == [("packages", True), ("apt", False), ("apt", True)]


def test_an_index_that_cannot_be_fetched_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["brotli", "nginx"], check_mode=True, index={"failed": True, "msg": "no network"})
    assert host.run(monkeypatch) == {"failed": True, "msg": "no network", "missing": ["brotli", "nginx"], "noted": []}


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_young_index_that_lacks_a_package_is_fetched_again(check_mode: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["brotli"], check_mode)
    host.failures = [{"failed": True, "msg": "No package matching 'brotli' is available"}]
    assert host.run(monkeypatch) == {"changed": True, "name": ["brotli"], "missing": ["brotli"], "noted": []}
    assert host.asked[-3:] == [("apt", check_mode), ("apt", False), ("apt", check_mode)]


def test_a_failure_that_stays_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["brotli"], check_mode=False)
    host.failures = [{"failed": True, "msg": "dpkg was interrupted"}] * 2
    assert host.run(monkeypatch) == {"failed": True, "msg": "dpkg was interrupted", "missing": ["brotli"], "noted": []}


@pytest.mark.parametrize(("start", "policy"), [(True, None), (False, 101)])
def test_services_start_only_where_they_may(start: bool, policy: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(["brotli", "nginx"], check_mode=False)
    host.given["start"] = start
    host.run(monkeypatch)
    assert host.policies == [policy]
