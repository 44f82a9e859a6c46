"""Files of the hub's state."""

from __future__ import annotations

import pathlib

import pytest
from nbops_jupyterhub import state


def test_a_file_is_for_root_alone_and_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "healthy.json"
    (tmp_path / "healthy.json.new").write_text("half of an interrupted run, which is longer than the file")
    state.write_json(path, {"version": "6.1.1"})
    assert state.read(path) == {"version": "6.1.1"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_right_is_left_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    state.write(path, b"a")
    before = path.stat().st_ino
    state.write(path, b"a")
    assert path.stat().st_ino == before
    state.write(path, b"b")
    assert path.read_bytes() == b"b"


def test_a_failure_leaves_the_old_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(state.os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        state.write(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_that_is_missing(tmp_path: pathlib.Path) -> None:
    assert state.read(tmp_path / "a") is None
    state.remove(tmp_path / "a")


def test_a_file_is_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").touch()
    state.remove(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_copies_of_one_second_have_names_of_their_own(tmp_path: pathlib.Path) -> None:
    names = []
    for _time in range(10):
        path = state.free_name(tmp_path, "5.5.4", "20260101T000000Z", ".dump")
        path.touch()
        names.append(path.name)
    assert names[:2] == ["5.5.4-20260101T000000Z.dump", "5.5.4-20260101T000000Z-2.dump"]
    assert [path.name for path in state.surplus(tmp_path, "dump", keep=8)] == [names[1], names[0]]


def test_the_newest_copies_are_kept_whatever_their_version(tmp_path: pathlib.Path) -> None:
    kept = [f"{version}-2026010{day}T000000Z.sqlite" for day, version in enumerate("687", start=2)]
    kept += ["10.0.0-20260109T000000Z.dump", "revision-none-20260109T000000Z-2.dump", "somebody's.sqlite"]
    for name in [*kept, "9-20260101T000000Z.sqlite"]:
        (tmp_path / name).touch()
    (tmp_path / "9-20251231T000000Z.json").touch()
    assert [path.name for path in state.surplus(tmp_path, "sqlite|dump")] == ["9-20260101T000000Z.sqlite"]


def test_without_copies_there_is_no_surplus(tmp_path: pathlib.Path) -> None:
    assert state.surplus(tmp_path / "backups", "sqlite|dump") == []
