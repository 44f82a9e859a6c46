"""Folders that groups share, tried as people with the umask of a server would."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import tempfile
from collections.abc import Iterator

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files import acl, shared_folders
from ansible_collections.nbops.jupyter.plugins.module_utils._files.shared_folders import Folder

WRITERS, OTHER_WRITERS, READERS = 4700, 4701, 4702
# People by their uids, with the groups that they are in; each has an own group besides.
ADA, BOB, EVE, MALLORY = 4711, 4712, 4713, 4714
GROUPS = {ADA: [WRITERS], BOB: [OTHER_WRITERS], EVE: [READERS], MALLORY: []}
LISTS = acl.shared([WRITERS, OTHER_WRITERS], [READERS])


@pytest.fixture
def root() -> Iterator[pathlib.Path]:
    """A directory that only root can change and everybody enters."""
    with tempfile.TemporaryDirectory(dir="/srv") as path:
        root = pathlib.Path(path)
        root.chmod(0o755)
        yield root


@pytest.fixture
def folder(root: pathlib.Path) -> pathlib.Path:
    """A folder that is shared from its beginning."""
    path = root / "shared/course"
    shared_folders.make(str(path))
    assert shared_folders.establish(Folder(str(path), LISTS)) == []
    return path


def can(person: int, command: str, folder: pathlib.Path, umask: int = 0o077) -> bool:
    """Whether a person can do something in the folder."""
    as_person = {"user": person, "group": person, "extra_groups": GROUPS[person], "umask": umask}
    done = subprocess.run(
        ["/bin/sh", "-ec", f"cd {folder}; {command}"], **as_person, cwd="/", env={}, capture_output=True, check=False
    )
    return done.returncode == 0


def test_writers_change_each_others_files_and_readers_read_them(folder: pathlib.Path) -> None:
    assert can(ADA, "mkdir -p week/one; echo a > week/one/x", folder)
    assert can(BOB, "echo b >> week/one/x; echo c > week/one/y; mkdir week/two; mv week/one/x week/two/x", folder)
    assert can(ADA, "echo d >> week/one/y; test $(wc -l < week/two/x) = 2", folder)
    assert can(EVE, "ls week/two; cat week/one/y", folder)
    for attempt in ("echo e >> week/one/y", "rm week/one/y", "mkdir mine", "chmod 777 week"):
        assert not can(EVE, attempt, folder), attempt


def test_nobody_else_enters(folder: pathlib.Path) -> None:
    assert can(ADA, "mkdir sub; chmod 777 sub; echo a > sub/x; chmod 666 sub/x", folder)
    assert not can(MALLORY, "true", folder)
    assert not can(MALLORY, "cat sub/x", folder.parent / "course")


def test_a_copy_of_a_directory_is_shared_as_well(folder: pathlib.Path) -> None:
    """No setgid bit is in the way, which a sandbox would refuse to set. `cp` leaves out what the umask says."""
    assert can(ADA, "mkdir a; echo a > a/x; cp -r a b", folder, umask=0o007)
    assert can(BOB, "echo b >> b/x; echo b > b/y", folder)
    assert not stat.S_IMODE((folder / "b").stat().st_mode) & stat.S_ISGID


def test_what_was_there_is_shared_once(root: pathlib.Path) -> None:
    folder = root / "old"
    (folder / "sub").mkdir(parents=True)
    for name, mode in (("sub/mine", 0o600), ("program", 0o755), ("fixed", 0o444)):
        (folder / name).write_text("x\n")
        (folder / name).chmod(mode)
        os.chown(folder / name, ADA, ADA)
    os.chown(folder / "sub", ADA, WRITERS)
    (folder / "sub").chmod(0o2700)
    os.chown(folder, ADA, ADA)
    wanted = Folder(str(folder), LISTS)
    assert not shared_folders.is_right(wanted)
    shared_folders.establish(wanted)
    assert shared_folders.is_right(wanted)
    assert stat.S_IMODE((folder / "sub").stat().st_mode) == 0o770
    assert can(BOB, "echo b >> sub/mine; echo c > sub/new; test -x program", folder)
    assert can(EVE, "cat sub/mine sub/new fixed; test -x program; test ! -x sub/mine", folder)
    # What its owner may not, nobody may.
    assert not can(BOB, "echo b >> fixed", folder)
    assert not can(ADA, "chmod 777 .", folder)
    # What she closes later stays closed: the folder itself says that all is done.
    assert can(ADA, "chmod 600 sub/mine", folder)
    assert shared_folders.is_right(wanted)


def test_an_interrupted_change_is_completed(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / "old"
    folder.mkdir()
    (folder / "x").write_text("x\n")
    wanted = Folder(str(folder), LISTS)

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shared_folders, "_share", interrupt)
        with pytest.raises(KeyboardInterrupt):
            shared_folders.establish(wanted)
    assert not shared_folders.is_right(wanted)
    shared_folders.establish(wanted)
    assert can(BOB, "echo b >> x", folder)


def test_other_groups_take_the_place_of_the_first(folder: pathlib.Path) -> None:
    assert can(ADA, "echo a > x", folder)
    fewer = Folder(str(folder), acl.shared([WRITERS], [OTHER_WRITERS]))
    assert not shared_folders.is_right(fewer)
    shared_folders.establish(fewer)
    assert shared_folders.is_right(fewer)
    assert can(BOB, "cat x", folder)
    assert not can(BOB, "echo b >> x", folder)
    assert not can(EVE, "cat x", folder)


def test_a_closed_folder_keeps_what_is_in_it(folder: pathlib.Path) -> None:
    assert can(ADA, "echo a > x", folder)
    shared_folders.establish(Folder(str(folder)))
    assert shared_folders.is_right(Folder(str(folder)))
    assert not can(ADA, "cat x", folder)
    assert (folder / "x").read_text() == "a\n"
    shared_folders.establish(Folder(str(folder), LISTS))
    assert can(BOB, "echo b >> x", folder)


def test_people_lead_root_nowhere(root: pathlib.Path) -> None:
    """Links and second names in a folder lead to files that nobody there is to reach."""
    folder, secret = root / "old", root / "secret"
    folder.mkdir()
    secret.write_text("secret\n")
    secret.chmod(0o600)
    (folder / "link").symlink_to(secret)
    (folder / "way").symlink_to(root)
    (folder / "second").hardlink_to(secret)
    os.mkfifo(folder / "pipe", 0o600)
    assert shared_folders.establish(Folder(str(folder), LISTS)) == [f"{folder}/second"]
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert acl.get(str(secret), acl.ACCESS) == acl.get(str(root), acl.DEFAULT) == b""


def test_directories_that_are_too_deep_are_told(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_folders, "DEEPEST", 2)
    (root / "old/a/b/c").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"old: more than 2 directories lie in each other"):
        shared_folders.establish(Folder(str(root / "old"), LISTS))


@pytest.mark.parametrize("kind", ["link", "file", "of a person", "open to all"])
def test_where_a_folder_cannot_be(root: pathlib.Path, kind: str) -> None:
    place = root / "place"
    if kind == "link":
        place.symlink_to("/etc")
    elif kind == "file":
        place.write_text("")
    else:
        place.mkdir()
        os.chown(place, ADA if kind == "of a person" else 0, 0)
        place.chmod(0o755 if kind == "of a person" else 0o1777)
        place /= "course"
    with pytest.raises(ValueError, match=r"is a link or no directory|others than root can change"):
        shared_folders.make(str(place))


def test_a_file_system_without_lists_is_told(root: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    (root / "old").mkdir()
    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(ValueError, match=r"old: its file system keeps no access control lists; one such as ext4"):
        shared_folders.establish(Folder(str(root / "old"), LISTS))
