"""The way back of labs, with real files and releases; systemd is played."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore
from ansible_collections.nbops.jupyter.plugins.modules import jupyterlab_rollback
from labs import CHANGED, FILES, NEW, NOW, OLD, RESTARTED, STARTED, World, play
from running import result_of


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return play(monkeypatch, tmp_path, jupyterlab_rollback)


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Run:
    def module(state: str, *names: str, check: bool = False) -> dict[str, Any]:
        labs = [world.lab(name) for name in names or ("ada", "bob", "eve")]
        arguments = {"state": state, "labs": labs, "_ansible_check_mode": check}
        return result_of(jupyterlab_rollback.main, arguments, capsys)

    return module


@pytest.fixture
def noted(world: World, run: Run) -> dict[str, tuple[str, int]]:
    """The state that was noted."""
    assert run("noted")["noted"] == ["ada", "bob", "eve"]
    return world.state()


def test_a_lab_that_serves_is_noted_once_for_root_alone(world: World, run: Run) -> None:
    foretold = run("noted", check=True)
    assert (foretold["changed"], foretold["noted"]) == (True, ["ada", "bob", "eve"])
    assert not (world.root / ".healthy").exists()
    assert run("noted")["known"] == ["ada", "bob", "eve"]
    again = run("noted")
    assert (again["changed"], again["noted"]) == (False, [])
    assert (world.root / ".healthy").stat().st_mode & 0o777 == 0o700
    assert (world.root / ".healthy/ada.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("lack", ["it does not serve", "a file is newer", "a file is missing", "the release is newer"])
def test_what_does_not_serve_by_what_is_on_disk_is_not_noted(world: World, run: Run, lack: str) -> None:
    if lack == "it does not serve":
        world.started["eve"] = None
    elif lack == "a file is newer":
        world.write("eve", "new", CHANGED, "hooks.py")
    elif lack == "a file is missing":
        world.path("eve", "hooks.py").unlink()
    else:
        world.switch("own", NEW, CHANGED)
    assert run("noted", "eve")["noted"] == []


def test_a_lab_without_a_note_has_nothing_to_go_back_to(world: World, run: Run) -> None:
    world.write("ada", "new", CHANGED, "config.json")
    world.started["ada"] = None
    before = world.state()
    told = run("restored")
    assert (told["changed"], told["known"], told["msg"]) == (False, [], "")
    assert (world.state(), world.calls) == (before, [])


def test_where_nothing_differs_nothing_is_changed(world: World, run: Run, noted: dict) -> None:
    assert not run("restored")["changed"]
    assert (world.state(), world.calls) == (noted, [])


@pytest.mark.parametrize("file", ["config.json", "hooks.py", "service"])
@pytest.mark.parametrize("is_missing", [False, True])
def test_a_lab_that_does_not_serve_goes_back_and_no_other(
    world: World, run: Run, noted: dict, file: str, is_missing: bool
) -> None:
    world.write("ada", "new", CHANGED, file)
    if is_missing:
        world.path("ada", file).unlink()
    world.started["ada"] = None
    broken = world.state()
    foretold = run("restored", check=True)
    assert (world.state(), world.calls) == (broken, [])
    told = run("restored")
    assert (told["restored"], told["changed"]) == (foretold["restored"], foretold["changed"])
    is_unit = file == "service"
    assert told["restored"] == [
        {
            "name": "ada",
            "release": "",
            "config": not is_unit,
            "units": ["ada.service"] if is_unit else [],
            "restarted": True,
        }
    ]
    what = "its unit" if is_unit else "its configuration"
    assert told["msg"] == (
        f"The lab ada did not serve, and runs again as it last served, with {what}. Its last words were:\n"
        "words to _SYSTEMD_UNIT=ada.service"
    )
    reload = ["systemctl daemon-reload"] if is_unit else []
    assert world.calls == ["systemctl stop -- ada.service", *reload, "systemctl start -- ada.service"]
    assert world.state() == noted
    assert world.path("ada", file).stat().st_mode & 0o777 == 0o600
    assert not run("restored")["changed"]


def test_an_address_that_differs_is_let_go(world: World, run: Run, noted: dict) -> None:
    world.write("ada", "new", CHANGED, "socket")
    world.started["ada"] = None
    run("restored")
    assert world.calls[0] == "systemctl stop -- ada.socket address@ada.service ada.service"
    assert world.state() == noted


def test_a_release_goes_back_with_all_labs_that_run_by_it(world: World, run: Run, noted: dict) -> None:
    world.switch("shared", NEW, CHANGED)
    world.started.update(ada=None, bob=RESTARTED)
    told = run("restored")
    assert [(one["name"], one["release"]) for one in told["restored"]] == [
        (name, str(world.root / "shared/releases" / OLD)) for name in ("ada", "bob")
    ]
    assert "The lab bob shares its environment with one that did not serve, and runs again" in told["msg"]
    assert f"with release {OLD} in {world.root}/shared." in told["msg"]
    assert world.calls == [f"systemctl {verb} -- ada.service bob.service" for verb in ("stop", "start")]
    assert world.state() == noted


def test_labs_that_have_not_met_a_change_run_on(world: World, run: Run, noted: dict) -> None:
    """A run that failed between the release and the restart; the file that was only touched counts too."""
    world.switch("shared", NEW, CHANGED)
    world.write("ada", "new", CHANGED, "config.json")
    world.write("bob", "old", CHANGED, "config.json")
    told = run("restored")
    assert {one["name"]: one["restarted"] for one in told["restored"]} == {"ada": False, "bob": False}
    how = f"release {OLD} in {world.root}/shared and its configuration went back to what it was started with."
    assert f"The lab ada has run on, and {how}" in told["msg"]
    assert (world.state(), world.calls) == (noted, [])


def test_a_unit_is_loaded_again_though_its_lab_runs_on(world: World, run: Run, noted: dict) -> None:
    world.write("ada", "new", CHANGED, "service")
    run("restored")
    assert (world.state(), world.calls) == (noted, ["systemctl daemon-reload"])


def test_a_lab_that_serves_by_the_new_state_keeps_it_and_is_noted(world: World, run: Run, noted: dict) -> None:
    world.write("ada", "new", CHANGED, "config.json")
    world.started["ada"] = RESTARTED
    world.write("eve", "new", CHANGED, "config.json")
    world.started["eve"] = None
    told = run("restored")
    assert ([one["name"] for one in told["restored"]], told["noted"]) == (["eve"], ["ada"])
    assert world.path("ada", "config.json").read_text() == "new"
    assert not run("restored")["changed"]


def test_a_release_by_which_a_lab_serves_stays_for_one_that_has_not_met_it(world: World, run: Run, noted: dict) -> None:
    world.switch("shared", NEW, CHANGED)
    world.started["bob"] = RESTARTED
    told = run("restored")
    assert (told["restored"], told["noted"], world.calls) == ([], ["bob"], [])
    assert world.store("shared").current() == NEW


def test_a_file_that_went_is_made_again_though_its_lab_runs_on(world: World, run: Run, noted: dict) -> None:
    shutil.rmtree(world.root / "ada")
    (world.root / "own/current").unlink()
    assert {one["name"]: one["restarted"] for one in run("restored")["restored"]} == {"ada": False, "eve": False}
    assert (world.state(), world.calls) == (noted, ["systemctl daemon-reload"])
    assert (world.root / "ada").stat().st_mode & 0o777 == 0o755


def test_a_lab_that_was_started_between_two_changes_goes_back(world: World, run: Run, noted: dict) -> None:
    world.write("ada", "new", CHANGED, "config.json")
    world.started["ada"] = RESTARTED
    world.write("ada", "newer", NOW - 1, "hooks.py")
    assert "The lab ada was started in the middle of a change, and runs again" in run("restored")["msg"]
    assert world.state() == noted


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_lab_without_a_note_follows_its_environment(world: World, run: Run, noted: dict, is_listed: bool) -> None:
    """Or with one, and in no inventory any more."""
    if is_listed:
        (world.root / ".healthy/bob.json").unlink()
    world.switch("shared", NEW, CHANGED)
    world.started.update(ada=None, bob=RESTARTED)
    told = run("restored", *(["ada", "bob"] if is_listed else ["ada"]))
    assert told["followed"] == ["bob"]
    assert "The lab bob was restarted, because the release of its environment goes back." in told["msg"]
    assert world.calls[-1] == "systemctl start -- ada.service bob.service"
    assert world.state() == noted


def test_a_lab_that_is_in_no_inventory_takes_nothing_back(world: World, run: Run, noted: dict) -> None:
    world.switch("shared", NEW, CHANGED)
    world.started.update(ada=RESTARTED, bob=None)
    told = run("restored", "ada")
    assert (told["restored"], told["noted"]) == ([], ["ada"])
    assert world.store("shared").current() == NEW


def test_a_run_that_was_cut_off_is_completed(world: World, run: Run, noted: dict) -> None:
    """Everything is back, and the lab was not started."""
    world.started["ada"] = None
    told = run("restored")
    assert "The lab ada did not serve, and runs again as it last served; nothing differed." in told["msg"]
    assert world.started["ada"] == NOW


def test_a_run_that_was_cut_off_in_the_middle_is_completed(
    world: World, run: Run, noted: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("ada", "new", CHANGED, *FILES)
    world.write("eve", "new", CHANGED, *FILES)
    world.switch("shared", NEW, CHANGED)
    world.started.update(ada=None, bob=RESTARTED)

    def cut(_store: ReleaseStore, _name: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(ReleaseStore, "activate", cut)
        world.broken = {"ada"}
        assert "No space left" in run("restored")["msg"]
    assert world.state() != noted
    assert (world.started["ada"], world.started["bob"]) == (None, NOW)
    world.broken.clear()
    how = f"release {OLD} in {world.root}/shared"
    assert f"The lab ada did not serve, and runs again as it last served, with {how}." in run("restored")["msg"]
    assert world.state() == noted
    assert [world.started[name] for name in ("ada", "bob", "eve")] == [NOW, NOW, STARTED]


def test_what_goes_back_is_listed(world: World, run: Run, noted: dict) -> None:
    world.write("ada", "new", CHANGED, *FILES)
    world.switch("shared", NEW, CHANGED)
    world.started["ada"] = None
    assert f"with release {OLD} in {world.root}/shared, its configuration and its unit." in run("restored")["msg"]


def test_a_lab_that_does_not_come_back_is_told_and_the_others_are(world: World, run: Run, noted: dict) -> None:
    for name in ("ada", "eve"):
        world.write(name, "new", CHANGED, "config.json")
        world.started[name] = None
    world.broken = {"ada"}
    told = run("restored")
    assert told["failed"]
    assert "ada.service is failed after systemctl start" in told["msg"]
    assert "The lab ada" not in told["msg"]
    assert "The lab eve did not serve, and runs again" in told["msg"]
    assert world.started["eve"] == NOW
    assert world.state() == noted


def test_a_release_that_is_gone_is_told_before_anything_changes(world: World, run: Run, noted: dict) -> None:
    world.switch("own", NEW, CHANGED)
    world.started["eve"] = None
    shutil.rmtree(world.root / "own/releases" / OLD)
    broken = world.state()
    told = run("restored")
    assert told["failed"]
    assert told["msg"].endswith(f"{world.root}/own/releases/{OLD}, by which eve last served, is gone.")
    assert (world.state(), world.calls) == (broken, [])


def test_a_damaged_note_is_told_and_is_not_the_lack_of_one(world: World, run: Run, noted: dict) -> None:
    (world.root / ".healthy/eve.json").write_text("{")
    told = run("restored")
    assert told["failed"]
    assert "eve.json is damaged; remove it" in told["msg"]
    assert "known" not in told
    assert run("noted")["noted"] == ["eve"]
