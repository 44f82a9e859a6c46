"""The way back of labs on demand, with real files and releases; systemd is played."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._lab import history, switch
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.notes import Lab
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host
from ansible_collections.nbops.jupyter.plugins.modules import jupyterlab_history
from labs import CHANGED, NEW, OLD, OLDER, RESTARTED, World, play
from running import result_of

NAMES = ("ada", "bob", "eve")
FIRST, SECOND, THIRD = "20261129T104000Z", "20261129T110000Z", "20261129T120000Z"


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return play(monkeypatch, tmp_path, jupyterlab_history)


@pytest.fixture
def note(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Notes how all labs serve, at a time."""

    def at(until: str) -> None:
        monkeypatch.setattr(history, "now", lambda: until)
        labs = [Lab(**{**world.lab(name), "files": tuple(world.lab(name)["files"])}) for name in NAMES]
        switch.note(labs, Host(world.run), check_mode=False)

    return at


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def module(to: str = "", *, check: bool = False) -> dict[str, Any]:
        wanted = {"state": "restored", "to": to} if to else {}
        arguments = {"labs": list(NAMES), **wanted, "_ansible_check_mode": check}
        return result_of(jupyterlab_history.main, arguments, capsys)

    return module


@pytest.fixture
def before(world: World, note: Callable[[str], None]) -> dict[str, tuple[str, int]]:
    """How all labs served, until ada got another configuration, and she and bob another release."""
    note(FIRST)
    state = world.state()
    world.write("ada", "new", CHANGED, "config.json")
    world.switch("shared", NEW, CHANGED)
    world.started.update(ada=RESTARTED, bob=RESTARTED)
    note(SECOND)
    return state


def test_without_a_change_there_is_no_history(world: World, run: Run, note: Callable[[str], None]) -> None:
    note(FIRST)
    world.write("ada", "old", CHANGED, "config.json")
    world.started["ada"] = RESTARTED
    note(SECOND)
    assert run()["history"] == []
    assert "The labs have no history yet" in run("previous")["msg"]


def test_the_history_says_what_differed(world: World, run: Run, before: dict) -> None:
    release = f"release {OLD} in {world.root}/shared"
    (entry,) = run()["history"]
    assert entry == {
        "until": SECOND,
        "labs": {"ada": f"{release} and its configuration", "bob": release},
        "problem": "",
    }
    assert {path.stat().st_mode & 0o777 for path in world.root.glob(".healthy/history/*/*")} == {0o600}


def test_labs_go_back_together_and_no_other(world: World, run: Run, before: dict) -> None:
    changed = world.state()
    foretold = run("previous", check=True)
    assert (world.state(), world.calls) == (changed, [])
    told = run("previous")
    assert (told["restored"], told["changed"]) == (foretold["restored"], True)
    assert [one["name"] for one in told["restored"]] == ["ada", "bob"]
    assert f"The lab bob runs again as until {SECOND}, with release {OLD} in {world.root}/shared." in told["msg"]
    assert world.calls == [f"systemctl {verb} -- ada.service bob.service" for verb in ("stop", "start")]
    assert world.state() == before


def test_one_goes_forward_again_by_the_state_that_was_left(
    world: World, run: Run, before: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {path: text for path, (text, _time) in world.state().items()}
    monkeypatch.setattr(history, "now", lambda: THIRD)
    run("previous")
    assert [entry["until"] for entry in run()["history"]] == [THIRD, SECOND]
    assert not run(SECOND)["changed"]
    run("previous")
    assert {path: text for path, (text, _time) in world.state().items()} == changed


def test_a_state_of_long_ago_is_that_of_each_lab_until_then(
    world: World, run: Run, before: dict, note: Callable[[str], None]
) -> None:
    world.write("eve", "new", CHANGED, "service")
    world.started["eve"] = RESTARTED
    note(THIRD)
    assert [one["name"] for one in run("previous", check=True)["restored"]] == ["eve"]
    run(SECOND)
    assert world.state() == before


def test_a_lab_without_another_state_follows_its_environment(world: World, run: Run, before: dict) -> None:
    """Such as one that was not noted when the others changed."""
    for path in world.root.glob(".healthy/history/bob/*"):
        path.unlink()
    told = run("previous")
    assert ([one["name"] for one in told["restored"]], told["followed"]) == (["ada"], ["bob"])
    assert world.state() == before


def test_five_times_are_kept(world: World, run: Run, note: Callable[[str], None]) -> None:
    times = [f"20261129T10000{number}Z" for number in range(8)]
    for number, until in enumerate(times):
        world.write("ada", f"state {number}", CHANGED, "config.json")
        world.started["ada"] = RESTARTED
        note(until)
    assert [entry["until"] for entry in run()["history"]] == times[:2:-1]


def test_labs_that_do_not_come_up_serve_again_as_before(world: World, run: Run, before: dict) -> None:
    changed, started = world.state(), []
    once = world.run

    def fail_once(command: list[str], **options: Any) -> tuple[int, str, str]:
        if command[:2] == ["systemctl", "start"] and not started:
            started.append(command)
            return 1, "", "a dependency failed"
        return once(command, **options)

    world.run = fail_once
    told = run("previous")
    assert f"The labs did not come up as until {SECOND}, and serve again as before:" in told["msg"]
    assert told["failed"]
    assert world.state() == changed
    assert world.started["ada"]
    assert [entry["until"] for entry in run()["history"]] == [SECOND]


@pytest.mark.parametrize("what", ["a release that is gone", "an address", "a path", "an unknown time"])
def test_what_is_in_the_way_is_said_before_the_first_change(
    world: World, run: Run, note: Callable[[str], None], what: str
) -> None:
    world.write("ada", '{"ServerApp": {"base_url": "/ada/"}}', 1000, "config.json")
    note(FIRST)
    if what == "a path":
        world.write("ada", '{"ServerApp": {"base_url": "/other/"}}', CHANGED, "config.json")
    else:
        world.write("ada", "new", CHANGED, "socket" if what == "an address" else "hooks.py")
    if what == "a release that is gone":
        world.switch("shared", OLDER, CHANGED)
        (world.root / "shared/releases" / OLD).rename(world.root / "gone")
    world.started["ada"] = RESTARTED
    note(SECOND)
    state = world.state()
    told = run(THIRD if what == "an unknown time" else "previous")
    words = {
        "a release that is gone": f"{OLD}, by which ada last served, is gone.",
        "an address": "ada had another address then",
        "a path": "ada had another address then",
        "an unknown time": f"No state ended at {THIRD}, but at {SECOND}; previous is the first.",
    }
    assert words[what] in told["msg"]
    assert (told["failed"], world.state(), world.calls) == (True, state, [])
