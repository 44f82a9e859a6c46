"""The module shared_folders, on a directory of root's and with groups that the host may lack."""

from __future__ import annotations

import grp
import json
import os
import pathlib
import stat
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, Host
from ansible_collections.nbops.jupyter.plugins.modules import shared_folders

GIDS = {"teachers": 4700, "students": 4701}


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A directory of root's on a host with one person, whose home is there."""
    with tempfile.TemporaryDirectory(dir="/srv") as path:
        people = {"ada": Account("ada", 4711, 4711, home=f"{path}/people/ada"), "bin": Account("bin", 2, 2, home="/")}
        monkeypatch.setattr(shared_folders.host, "read_host", lambda _names, _groups: Host(people, {}))
        yield pathlib.Path(path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that make groups, after which the host has them."""
    gids, commands = dict(GIDS), []

    def getgrnam(name: str) -> grp.struct_group:
        return grp.struct_group((name, "x", gids[name], []))

    def run_command(_module: AnsibleModule, command: list[str], **_settings: object) -> tuple[int, str, str]:
        commands.append(command)
        gids[command[-1]] = 4800 + len(commands)
        return 0, "", ""

    monkeypatch.setattr(shared_folders.grp, "getgrnam", getgrnam)
    monkeypatch.setattr(AnsibleModule, "run_command", run_command)
    return commands


@pytest.fixture
def run(made: list[list[str]], capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def module(*folders: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {"folders": list(folders), **options, "_ansible_check_mode": check}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            shared_folders.main()
        return json.loads(capsys.readouterr().out)

    return module


def test_a_folder_is_made_opened_and_closed(root: pathlib.Path, run: Callable[..., dict]) -> None:
    path = root / "shared/course"
    entry = {"path": str(path), "writers": ["teachers"], "readers": ["students"]}
    absent = {"path": str(path), "state": "absent"}
    assert not run(absent)["changed"]
    assert (run(entry, check=True)["changed"], path.exists()) == (True, False)
    assert run(entry)["made"] == [str(path)]
    assert not run(entry)["changed"]
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o770, 0o755)
    (path / "x").write_text("kept")
    swapped = {"path": str(path), "writers": ["students"]}
    assert run(swapped, check=True)["opened"] == run(swapped)["opened"] == [str(path)]
    assert not run(swapped)["changed"]
    assert run(absent, check=True)["closed"] == run(absent)["closed"] == [str(path)]
    assert not run(absent)["changed"]
    assert (path / "x").read_text() == "kept"
    assert run(swapped)["opened"] == [str(path)]


def test_groups_that_come_with_their_people_are_made_before(
    root: pathlib.Path, run: Callable[..., dict], made: list[list[str]]
) -> None:
    entry = {"path": str(root / "a"), "writers": ["new", "jupyterhub"], "readers": ["teachers"]}
    allowed = {"groups": ["new", "unused"], "system_groups": ["jupyterhub"]}
    assert run(entry, check=True, **allowed)["groups"] == ["new", "jupyterhub"]
    assert made == []
    assert run(entry, **allowed)["changed"]
    assert made == [["groupadd", "--", "new"], ["groupadd", "--system", "--", "jupyterhub"]]
    assert not run(entry, **allowed)["changed"]


def test_a_folder_that_is_there_waits_for_its_group_in_check_mode(root: pathlib.Path, run: Callable[..., dict]) -> None:
    (root / "a").mkdir()
    entry = {"path": str(root / "a"), "writers": ["new"]}
    assert run(entry, check=True, groups=["new"])["opened"] == [str(root / "a")]


def test_a_group_that_nobody_makes_is_told_before_anything_changes(
    root: pathlib.Path, run: Callable[..., dict], made: list[list[str]]
) -> None:
    first = {"path": str(root / "a"), "writers": ["new"]}
    result = run(first, {"path": str(root / "b"), "readers": ["techers"]}, groups=["new", "teachers"])
    assert (
        "b: this host has no group techers (did you mean teachers?); make it, or give it to a person among unix_groups."
        in result["msg"]
    )
    assert (result["changed"], made, (root / "a").exists()) == (False, [], False)


@pytest.mark.parametrize("place", ["people", "people/ada", "people/ada/shared"])
def test_a_home_is_never_shared(root: pathlib.Path, run: Callable[..., dict], place: str) -> None:
    home = root / "people/ada"
    home.mkdir(parents=True)
    result = run({"path": str(root / place), "writers": ["teachers"]})
    assert f"the home of ada, {home}, is there" in result["msg"]
    assert not (home / "shared").exists()


def test_files_with_a_second_name_are_told(root: pathlib.Path, run: Callable[..., dict], warnings: list[str]) -> None:
    (root / "a").mkdir()
    (root / "x").write_text("")
    os.link(root / "x", root / "a/x")
    assert run({"path": str(root / "a"), "writers": ["teachers"]})["left"] == [f"{root}/a/x"]
    assert ["is left alone" in warning for warning in warnings] == [True]
