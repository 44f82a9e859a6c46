"""What becomes of files that come out of a repository."""

from __future__ import annotations

import os
import pathlib
import socket
from types import SimpleNamespace

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account
from ansible_collections.nbops.jupyter.plugins.module_utils._state import restore
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import Manifest, Person


class Sized:
    """A snapshot of some bytes."""

    def size(self) -> int:
        return 300 << 20


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        ({"/home": (1, 200 << 20), "/srv": (2, 100 << 20)}, []),
        ({"/home": (1, 300 << 20), "/srv": (1, 300 << 20)}, []),
        (
            {"/home": (1, 200 << 20), "/srv": (1, 200 << 20)},
            ["the snapshot takes 300 MiB, and there are 200 MiB free below /home, /srv"],
        ),
    ],
)
def test_what_does_not_fit_is_told_before(free: dict[str, tuple[int, int]], expected: list[str]) -> None:
    assert restore.room_problems(Sized(), ["/home", "/srv"], free.__getitem__) == expected


@pytest.mark.parametrize(
    ("path", "mode"),
    [("/etc/jupyterlab/lab", 0o755), ("/var/lib/jupyterlab/lab", 0o700), ("/etc/jupyterhub/secrets", 0o700)],
)
def test_a_lab_reads_its_configuration_in_a_directory_that_was_restored(path: str, mode: int) -> None:
    assert restore.directory_mode(path) == mode


def test_a_home_is_its_persons_without_rights_that_they_could_not_give(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "ada"
    (home / "sub").mkdir(parents=True)
    for name, owner, group, mode in (
        ("hers", 1001, 1001, 0o640),
        ("her_groups", 1001, 2000, 0o640),
        ("roots", 0, 0, 0o600),
        ("strangers", 4000, 4000, 0o6755),
        ("of_a_system_group", 1001, 27, 0o2755),
        ("roots_for_a_group", 0, 42, 0o640),
        ("sub/runs", 0, 0, 0o4755),
    ):
        (home / name).touch()
        os.chown(home / name, owner, group)
        (home / name).chmod(mode)
    os.chown(home, 1001, 1001)
    (home / "link").symlink_to("/etc/passwd")
    os.mkfifo(home / "sub/pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "socket"))
    left_out = restore.claim(str(home), {0: (0,), 1001: (1001, 2000)}, 1001, 1001)
    assert sorted(left_out) == ["/socket", "/sub/pipe"]
    found = {}
    for folder, folders, files in os.walk(home):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))
            found[name] = (status.st_uid, status.st_gid, oct(status.st_mode & 0o7777))
    assert found.pop("link")[:2] == (0, 0)
    assert found == {
        "hers": (1001, 1001, "0o640"),
        "her_groups": (1001, 2000, "0o640"),
        "roots": (0, 0, "0o600"),
        # Nothing that its owner showed to another group is the person's to read.
        "roots_for_a_group": (0, 0, "0o640"),
        "strangers": (1001, 1001, "0o755"),
        "of_a_system_group": (1001, 1001, "0o755"),
        "sub": (0, 0, "0o755"),
        "runs": (0, 0, "0o755"),
    }
    assert pathlib.Path("/etc/passwd").stat().st_uid == 0


def test_a_restored_home_comes_beside_and_never_over(tmp_path: pathlib.Path) -> None:
    home, fetched = tmp_path / "ada", tmp_path / "fetched"
    home.mkdir()
    fetched.mkdir()
    (fetched / "note").write_text("old")
    for path in (home, fetched):
        os.chown(path, 1001, 1001)
    target = restore.put_beside(str(fetched), str(home), 1001)
    assert target.startswith(f"{home}/restored-")
    assert pathlib.Path(target, "note").read_text() == "old"
    fetched.mkdir()
    with pytest.raises(ValueError, match="is not its person's"):
        restore.put_beside(str(fetched), str(home), 1002)


def test_a_link_in_the_place_of_a_home_leads_nowhere(tmp_path: pathlib.Path) -> None:
    fetched, elsewhere = tmp_path / "fetched", tmp_path / "elsewhere"
    fetched.mkdir()
    elsewhere.mkdir()
    (tmp_path / "ada").symlink_to(elsewhere)
    with pytest.raises(ValueError, match="is not its person's"):
        restore.put_beside(str(fetched), str(tmp_path / "ada"), 1001)
    assert list(elsewhere.iterdir()) == []


class Folders:
    """A snapshot of two directories, which a run can be kept from."""

    id = "0123abcd"

    def __init__(self, *paths: str) -> None:
        self.manifest = Manifest("old", 1.0, "", "", (), {}, (), paths, {}, {})
        self.broken = ""

    def restore(self, paths: list[str], target: str) -> None:
        (path,) = paths
        if path == self.broken:
            raise OSError("the network is down")
        made = pathlib.Path(target + path)
        made.mkdir(parents=True)
        if path.endswith(("one", "two")):
            (made / "file").write_text("old")


def test_an_interrupted_restore_is_completed_and_brings_nothing_twice(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATE", "RECORD", "INCOMING"):
        monkeypatch.setattr(restore, name, str(tmp_path / name.lower()))
    monkeypatch.setattr(restore, "require_own", lambda path: None)
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    snapshot, wanted = Folders(one, two), restore.Wanted("", "", "", [], [one, two])

    def place() -> restore.Outcome:
        return restore.Restore(snapshot, wanted, lambda *_arguments, **_named: (0, "", "")).run()

    snapshot.broken = two
    with pytest.raises(OSError, match="the network is down"):
        place()
    assert not restore.is_restored(snapshot)
    pathlib.Path(one, "file").write_text("changed meanwhile")
    snapshot.broken = ""
    assert place().paths == [two]
    assert restore.is_restored(snapshot)
    assert pathlib.Path(one, "file").read_text() == "changed meanwhile"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "record", "state", "two"]


class Homes:
    """A snapshot of homes, which notes what is asked of it at once, and breaks when it has been asked `fails` times."""

    id = "0123abcd"

    def __init__(self, *people: Person) -> None:
        self.manifest = Manifest("old", 1.0, "", "", (), {}, people, (), {}, {})
        self.asked: list[list[str]] = []
        self.fails = 0

    def restore(self, paths: list[str], target: str) -> None:
        if not paths[0].startswith("/old"):
            pathlib.Path(target + paths[0]).mkdir(parents=True)
            return
        self.asked.append(paths)
        if len(self.asked) == self.fails:
            raise OSError("the network is down")
        for path in paths:
            pathlib.Path(target + path).mkdir(parents=True)
            pathlib.Path(target + path, "file").write_text(path)


def test_homes_come_in_batches_and_an_interrupted_restore_brings_the_rest(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["ada", "bob", "eve", "guest"]
    homes = {name: str(tmp_path / ("guests" if name == "guest" else "home") / name) for name in names}
    for name in ("STATE", "RECORD", "INCOMING"):
        monkeypatch.setattr(restore, name, str(tmp_path / name.lower()))
    monkeypatch.setattr(restore, "_BATCH", 2)
    monkeypatch.setattr(restore, "require_own", lambda path: None)
    monkeypatch.setattr(restore, "claim", lambda *_arguments: [])
    here = {name: Account(name, 1001, 1001, home=homes[name]) for name in names}
    monkeypatch.setattr(restore, "read_host", lambda *_names: SimpleNamespace(accounts=here, groups={"people": 1001}))
    snapshot = Homes(
        *(
            Person(name, 1001, 1001, "people", "", homes[name], "/bin/bash", True, data=f"/old/{name}")
            for name in reversed(names)
        )
    )

    def place() -> dict[str, str]:
        wanted = restore.Wanted("", "", "", [], [])
        return restore.Restore(snapshot, wanted, lambda *_arguments, **_named: (0, "", "")).run().homes

    snapshot.fails = 2
    with pytest.raises(OSError, match="the network is down"):
        place()
    first = snapshot.asked[0]
    rest = place()
    assert sorted([*first, *(f"/old/{name}" for name in rest)]) == [f"/old/{name}" for name in names]
    assert all(pathlib.Path(homes[name], "file").read_text() == f"/old/{name}" for name in names)
    # What lies elsewhere here comes by itself; the second was broken off, and asked for again.
    assert [len(asked) for asked in snapshot.asked] == [1, 2, 2, 1]
