"""Kernels are written, removed and refused as predicted; commands on the host are stubs, files are real."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import jupyter_kernels


class Host:
    """Directories for kernels and environments; the commands in `failing` end with a status."""

    def __init__(self, root: pathlib.Path) -> None:
        self.kernels, self.environments = root / "share/kernels", root / "opt/kernels"
        self.failing: dict[str, tuple[int, str]] = {}

    def run_command(self, argv: list[str], **_options: object) -> tuple[int, str, str]:
        status, message = next((self.failing[word] for word in argv if word in self.failing), (0, ""))
        return status, "", message

    def written(self) -> list[str]:
        return sorted(os.listdir(self.kernels)) if self.kernels.exists() else []


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setattr(jupyter_kernels, "require_own", lambda _path: None)
    monkeypatch.setattr(
        jupyter_kernels.AnsibleModule,
        "run_command",
        lambda _self, *given, **options: host.run_command(*given, **options),
    )
    return host


@pytest.fixture
def run(host: Host, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def module(*kernels: dict, check: bool = False, **arguments: Any) -> dict[str, Any]:
        given = {
            "kernels": list(kernels),
            "environments": str(host.environments),
            "directory": str(host.kernels),
            "_ansible_check_mode": check,
            **arguments,
        }
        with patch_module_args(given), pytest.raises(SystemExit):
            jupyter_kernels.main()
        return json.loads(capsys.readouterr().out)

    return module


def kernel(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "spec": {"argv": [f"/opt/{name}", "{connection_file}"], "display_name": name}, **more}


@pytest.mark.parametrize(
    ("before", "after", "written", "removed"),
    [
        ([], ["a", "b"], ["a", "b"], []),
        (["a"], ["a"], [], []),
        (["a", "b"], ["b", "c"], ["c"], ["a"]),
        (["a"], [], [], ["a"]),
    ],
)
def test_check_mode_predicts_the_run(
    host: Host, run: Callable[..., dict], before: list, after: list, written: list, removed: list
) -> None:
    run(*map(kernel, before))
    predicted = run(*map(kernel, after), check=True)
    assert host.written() == before
    assert run(*map(kernel, after)) == predicted
    assert (predicted["changed"], predicted["written"], predicted["removed"]) == (before != after, written, removed)
    assert host.written() == after


def test_a_kernel_of_others_stays_and_its_name_is_refused(host: Host, run: Callable[..., dict]) -> None:
    (host.kernels / "theirs").mkdir(parents=True)
    run()
    assert host.written() == ["theirs"]
    assert "theirs is there already and not from this collection" in run(kernel("theirs"), prepare_only=True)["msg"]


@pytest.mark.parametrize(
    ("more", "failing", "message"),
    [
        ({"group": "no-such-group"}, {}, "a: there is no group no-such-group"),
        ({"prefix": "/opt/forge"}, {"/opt/forge/bin/python": (3, "")}, "a: /opt/forge holds no ipykernel"),
        (
            {"prefix": "/opt/forge"},
            {"/opt/forge/bin/python": (1, "denied")},
            "cannot start /opt/forge/bin/python: denied",
        ),
    ],
)
def test_what_cannot_become_a_kernel_is_refused_and_in_check_mode_reported(
    host: Host, run: Callable[..., dict], warnings: list[str], more: dict, failing: dict, message: str
) -> None:
    host.failing = failing
    assert message in run(kernel("a", **more), prepare_only=True)["msg"]
    run(kernel("a", **more), prepare_only=True, check=True)
    assert [message in text for text in warnings] == [True]


def test_a_program_that_does_not_start_is_refused(host: Host, run: Callable[..., dict]) -> None:
    host.failing = {"/opt/a": (127, "")}
    assert run(kernel("a"), kernel("b"))["msg"].startswith("a: accounts without rights cannot start /opt/a")
    assert host.written() == []


@pytest.mark.parametrize(("packaged", "told"), [(True, []), (False, [True])])
def test_check_mode_warns_of_no_program_that_the_run_installs(
    host: Host, run: Callable[..., dict], warnings: list[str], packaged: bool, told: list[bool]
) -> None:
    host.failing = {"/opt/a": (127, "")}
    assert run(kernel("a", packaged=packaged), check=True)["written"] == ["a"]
    assert ["cannot start /opt/a" in text for text in warnings] == told
    assert "cannot start /opt/a" in run(kernel("a", packaged=packaged))["msg"]


def test_environments_are_prepared_and_reported(host: Host, run: Callable[..., dict]) -> None:
    one, two = kernel("one", environment=True), kernel("two")
    assert run(one, two, prepare_only=True, check=True)["changed"]
    assert not host.environments.exists()
    assert run(one, two, prepare_only=True)["changed"]
    assert os.listdir(host.environments) == ["one"]
    assert not run(one, two, prepare_only=True)["changed"]
    (host.environments / "notes").touch()
    result = run(two)
    assert (result["unneeded"], result["others"]) == (["one"], ["notes"])
