"""Releases on disk: what is valid, what is current, what is removed."""

from __future__ import annotations

import os
import pathlib
from types import SimpleNamespace

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files import ownership
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import store as store_module
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import (
    ReleaseStore,
    choose_prunable,
    release_id,
)

A, B, C = "a" * 12, "b" * 12, "c" * 12


@pytest.fixture
def store(tmp_path: pathlib.Path) -> ReleaseStore:
    return ReleaseStore(str(tmp_path / "app"))


def add(store: ReleaseStore, identifier: str) -> str:
    name = store.begin(identifier)
    store.finish(name, {"packages": {}})
    return name


def test_an_id_follows_from_everything_that_shapes_a_release() -> None:
    shapes = [{"lock": ["x"]}, {"lock": ["y"]}, {"lock": ["x"], "overlay": True}]
    assert len({release_id(shape) for shape in shapes}) == 3
    assert release_id({"a": 1, "b": 2}) == release_id({"b": 2, "a": 1})
    assert len(release_id({})) == 12


def test_an_id_changes_with_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    before = release_id({})
    monkeypatch.setattr(store_module, "LAYOUT", store_module.LAYOUT + 1)
    assert release_id({}) != before


@pytest.mark.parametrize(
    ("activated", "current", "keep", "removed"),
    [
        ({}, None, 3, []),
        ({A: 1.0}, A, 2, []),
        ({A: 1.0, B: 2.0, C: 3.0}, C, 3, []),
        ({A: 1.0, B: 2.0, C: 3.0}, C, 2, [A]),
        # After a rollback the current one is the oldest; the one before it stays as well.
        ({A: 4.0, B: 2.0, C: 3.0}, A, 2, [B]),
        ({A: 1.0, B: 2.0, C: 3.0}, A, 2, [B]),
        # Leftovers go whatever their number, but nothing that `current` points to.
        ({A: None, B: 2.0, C: None}, B, 3, [A, C]),
        ({A: None, B: 2.0}, A, 2, []),
        ({A: 1.0, B: 2.0, C: 3.0}, None, 2, [A]),
    ],
)
def test_pruning(activated: dict, current: str | None, keep: int, removed: list[str]) -> None:
    assert choose_prunable(activated, current, keep) == removed


def test_a_release_is_used_while_a_process_has_loaded_code_from_it(
    store: ReleaseStore, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PROC", str(tmp_path / "proc"))
    for process, library in (("7", f"{store.directory(A)}/lib/zmq.so"), ("8", "/usr/lib/libc.so.6")):
        maps = tmp_path / "proc" / process / "maps"
        maps.parent.mkdir(parents=True)
        maps.write_text(f"7f00-7f01 r-xp 00000000 08:01 42    {library}\n")
    (tmp_path / "proc" / "9").mkdir()  # it has just ended
    assert store.used() == {A}


def test_a_release_is_valid_when_finished_and_current_when_activated(store: ReleaseStore) -> None:
    name = store.begin(A)
    assert (store.marker(name), store.current(), store.activated()) == (None, None, {A: None})
    store.finish(name, {"packages": {"six": "1"}})
    store.activate(name)
    assert store.marker(name) == {"packages": {"six": "1"}}
    assert store.current() == A
    assert os.readlink(os.path.join(store.path, "current")) == f"releases/{A}"


def test_a_leftover_gives_way_and_a_finished_release_does_not(store: ReleaseStore) -> None:
    leftover = store.begin(A)
    pathlib.Path(store.directory(leftover), "half").touch()
    assert store.begin(A) == A
    assert os.listdir(store.directory(A)) == []
    store.finish(A, {})
    assert add(store, A) == f"{A}-2"
    assert store.names_of(A) == [A, f"{A}-2"]


def test_what_is_current_is_not_built_over_even_without_a_marker(store: ReleaseStore) -> None:
    store.activate(add(store, A))
    os.unlink(os.path.join(store.directory(A), "release.json"))
    assert store.begin(A) == f"{A}-2"
    assert os.path.isdir(store.directory(A))


def test_activation_counts_and_not_the_age(store: ReleaseStore) -> None:
    for number, identifier in enumerate([A, B]):
        name = add(store, identifier)
        os.utime(os.path.join(store.directory(name), "release.json"), (number, number))
    store.activate(A)
    activated = store.activated()
    assert activated[A] > activated[B]


def test_an_interrupted_swap_is_repeated(store: ReleaseStore) -> None:
    add(store, A)
    os.symlink("releases/nowhere", os.path.join(store.path, "current.new"))
    store.activate(A)
    assert store.current() == A
    assert sorted(os.listdir(store.path)) == ["current", "releases"]


@pytest.mark.parametrize("kind", ["directory", "file", "foreign link"])
def test_a_current_that_is_not_ours_is_refused(store: ReleaseStore, kind: str) -> None:
    current = pathlib.Path(store.path, "current")
    current.parent.mkdir()
    {"directory": current.mkdir, "file": current.touch, "foreign link": lambda: current.symlink_to("/usr")}[kind]()
    with pytest.raises(ValueError, match="is not a link to a release"):
        store.current()
    with pytest.raises(ValueError, match="is not a link to a release"):
        store.remove_all()


def test_removal_takes_everything_of_ours(store: ReleaseStore) -> None:
    store.activate(add(store, A))
    store.begin(B)
    assert store.is_there()
    store.remove_all()
    assert not os.path.exists(store.path)
    assert not store.is_there()


def test_removal_takes_the_link_to_a_release_that_is_gone(store: ReleaseStore) -> None:
    store.activate(add(store, A))
    store.remove(A)
    assert store.is_there()
    store.remove_all()
    assert not os.path.lexists(os.path.join(store.path, "current"))


def test_removal_leaves_what_belongs_to_others(store: ReleaseStore) -> None:
    store.activate(add(store, A))
    pathlib.Path(store.path, "notes.txt").touch()
    pathlib.Path(store.path, "releases", "mine").mkdir()
    store.remove_all()
    assert sorted(os.listdir(store.path)) == ["notes.txt", "releases"]
    assert os.listdir(os.path.join(store.path, "releases")) == ["mine"]
    assert not store.is_there()


def test_a_place_that_others_can_change_is_refused(tmp_path: pathlib.Path) -> None:
    open_directory = tmp_path / "open"
    open_directory.mkdir()
    require_own(str(open_directory / "app"))
    open_directory.chmod(0o1777)
    require_own(str(open_directory / "app"))
    open_directory.chmod(0o777)
    (tmp_path / "link").symlink_to(open_directory / "app")
    for path in (open_directory / "app", open_directory, tmp_path / "link"):
        with pytest.raises(ValueError, match="open is in the hands of other accounts"):
            require_own(str(path))


@pytest.mark.parametrize(
    ("mode", "members", "primary", "is_refused"),
    [
        (0o775, ["ada"], False, True),
        (0o775, [], True, True),
        (0o775, None, False, True),
        (0o2775, [], False, False),
        (0o775, ["root"], False, False),
        (0o1775, ["ada"], False, False),
        (0o755, ["ada"], True, False),
    ],
)
def test_a_place_that_a_group_can_change_is_refused(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    members: list[str] | None,
    primary: bool,
    is_refused: bool,
) -> None:
    def group(gid: int) -> SimpleNamespace:
        return SimpleNamespace(gr_mem={4321: members}[gid] if members is not None else {}[gid])

    people = [("root", 0, 0), ("ada", 1000, 4321 if primary else 1000)]
    accounts = [SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=gid) for name, uid, gid in people]
    monkeypatch.setattr(ownership, "pwd", SimpleNamespace(getpwall=lambda: accounts))
    monkeypatch.setattr(ownership, "grp", SimpleNamespace(getgrgid=group))
    place = tmp_path / "open"
    place.mkdir()
    os.chown(place, -1, 4321)
    place.chmod(mode)
    if not is_refused:
        require_own(str(place / "app"))
        return
    with pytest.raises(ValueError, match=r"open is in the hands of other accounts: .* chmod go-w"):
        require_own(str(place / "app"))
