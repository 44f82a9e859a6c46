"""The directory of a certificate: switched in one step, restored, adopted, protected and removed."""

from __future__ import annotations

import grp
import os
import pathlib
import shutil
import threading
import time

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import store as certificate_store
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import CertificateStore, version
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import CertificateError

CHAIN, KEY = "fullchain.pem", "privkey.pem"
GROUP = grp.getgrgid(1).gr_name


@pytest.fixture(autouse=True)
def pending(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(certificate_store, "PENDING", str(tmp_path / "pending"))
    return tmp_path / "pending"


@pytest.fixture
def home(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "ssl" / "lab"


def store(home: pathlib.Path, group: str = "root") -> CertificateStore:
    return CertificateStore(str(home.parent), home.name, group)


def put(home: pathlib.Path, pair: tuple, group: str = "root") -> CertificateStore:
    """A pair that is in place and loaded."""
    made = store(home, group)
    made.begin(pair)
    made.commit()
    return made


def plain(home: pathlib.Path, pair: tuple) -> None:
    """Plain files, as an administrator copies them."""
    home.mkdir(parents=True, exist_ok=True)
    for name, data in zip((CHAIN, KEY), pair):
        (home / name).unlink(missing_ok=True)
        (home / name).write_bytes(data)


def versions(home: pathlib.Path) -> set[str]:
    return set(os.listdir(home / "versions"))


def test_servers_read_the_pair_at_its_path(home: pathlib.Path, pairs: list) -> None:
    made = put(home, pairs[0])
    assert ((home / CHAIN).read_bytes(), (home / KEY).read_bytes()) == pairs[0]
    assert made.pair() == pairs[0]
    assert made.is_current(pairs[0])
    assert not made.is_current(pairs[1])


@pytest.mark.parametrize("umask", [0o022, 0o077])
@pytest.mark.parametrize(("group", "mode"), [("root", 0o600), (GROUP, 0o640)])
def test_only_root_and_the_group_can_read_the_key_whatever_the_umask(
    home: pathlib.Path, pairs: list, group: str, mode: int, umask: int
) -> None:
    before = os.umask(umask)
    try:
        put(home, pairs[0], group)
    finally:
        os.umask(before)
    key = (home / KEY).stat()
    assert (key.st_mode & 0o777, key.st_uid, key.st_gid) == (mode, 0, grp.getgrnam(group).gr_gid)
    assert (home / CHAIN).stat().st_mode & 0o777 == 0o644
    for folder in (home.parent, home, home / "versions", (home / "current").resolve()):
        assert folder.stat().st_mode & 0o777 == 0o755, folder


def test_an_existing_directory_keeps_its_mode(home: pathlib.Path, pairs: list) -> None:
    home.mkdir(parents=True)
    home.chmod(0o750)
    put(home, pairs[0])
    assert home.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("spoil", ["mode", "group", "text", "pending"])
def test_a_pair_that_is_unprotected_damaged_or_not_loaded_is_not_current(
    home: pathlib.Path, pairs: list, pending: pathlib.Path, spoil: str
) -> None:
    made = put(home, pairs[0])
    key = (home / KEY).resolve()
    if spoil == "mode":
        key.chmod(0o644)
    elif spoil == "group":
        os.chown(key, 0, 1)
    elif spoil == "text":
        key.write_bytes(pairs[1][1])
    else:
        (pending / "lab").touch()
    assert not made.is_current(pairs[0])
    made = put(home, pairs[0])
    assert made.is_current(pairs[0])
    assert made.pair() == pairs[0]


def test_another_group_is_another_version(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    assert not store(home, GROUP).is_current(pairs[0])
    assert put(home, pairs[0], GROUP).is_current(pairs[0])


def test_a_missing_group_is_an_error_and_changes_nothing(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    with pytest.raises(OSError, match="there is no group nobody-here to read the key of lab"):
        store(home, "nobody-here").begin(pairs[1])
    assert store(home).is_current(pairs[0])


def test_a_pair_that_does_not_belong_together_changes_nothing(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    with pytest.raises(CertificateError, match="not that of the certificate"):
        store(home).begin((pairs[1][0], pairs[2][1]))
    assert store(home).is_current(pairs[0])
    assert versions(home) == {version(pairs[0], "root")}


def test_readers_always_see_key_and_certificate_of_one_version(home: pathlib.Path, pairs: list) -> None:
    old, new = pairs[:2]
    put(home, old)
    seen, torn, over = [], [], threading.Event()

    def read() -> None:
        while not over.is_set():
            try:
                # Some programs open both by the same directory.
                folder = os.open(home / "current", os.O_RDONLY | os.O_DIRECTORY)
                try:
                    pair = tuple(_read(name, folder) for name in (CHAIN, KEY))
                finally:
                    os.close(folder)
                (home / CHAIN).read_bytes(), (home / KEY).read_bytes()  # the paths exist at any time
            except OSError as error:
                torn.append(error)
                return
            if pair not in (old, new):
                torn.append(pair)
            if not seen or seen[-1] != pair:
                seen.append(pair)

    reader = threading.Thread(target=read)
    reader.start()
    deadline = time.monotonic() + 60
    while len(seen) < 20 and not torn and time.monotonic() < deadline:
        for pair in (new, old):
            put(home, pair)
    over.set()
    reader.join()
    assert not torn
    assert len(seen) >= 20


def _read(name: str, folder: int) -> bytes:
    with open(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
        return file.read()


def test_a_file_that_readers_see_is_never_written_to(
    home: pathlib.Path, pairs: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, pairs[0])
    renamed, rename = [], os.rename

    def watch(source: str, target: str) -> None:
        assert store(home).pair() == pairs[0], "until the last rename"
        renamed.append(os.path.relpath(target, home))
        rename(source, target)

    monkeypatch.setattr(os, "rename", watch)
    store(home).begin(pairs[1])
    assert renamed == [f"versions/{version(pairs[1], 'root')}", "current"]
    assert store(home).pair() == pairs[1]


def test_undo_restores_the_old_pair(home: pathlib.Path, pairs: list, pending: pathlib.Path) -> None:
    put(home, pairs[0])
    made = store(home)
    made.begin(pairs[1])
    assert made.pair() == pairs[1]
    made.undo()
    assert made.pair() == pairs[0]
    assert made.is_current(pairs[0])
    assert os.listdir(pending) == []


def test_undo_keeps_the_first_pair_marked_as_not_loaded(home: pathlib.Path, pairs: list) -> None:
    made = store(home)
    made.begin(pairs[0])
    made.undo()
    assert made.pair() == pairs[0]
    assert not made.is_current(pairs[0])


def test_an_undone_pair_can_be_put_in_place_later(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    made = store(home)
    made.begin(pairs[1])
    made.undo()
    assert put(home, pairs[1]).is_current(pairs[1])


@pytest.mark.parametrize("step", ["symlink", "rename"])
def test_an_interrupted_switch_is_completed(
    home: pathlib.Path, pairs: list, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put(home, pairs[0])
    real = getattr(os, step)

    def killed(source: str, target: str) -> None:
        if os.path.basename(target).startswith("current"):
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, step, killed)
    with pytest.raises(KeyboardInterrupt):
        store(home).begin(pairs[1])
    monkeypatch.undo()
    monkeypatch.setattr(certificate_store, "PENDING", str(home.parent.parent / "pending"))
    assert store(home).pair() == pairs[0]
    assert not store(home).is_current(pairs[1])
    assert put(home, pairs[1]).is_current(pairs[1])
    assert {path.name for path in home.iterdir()} == {"current", "versions", CHAIN, KEY}


def test_a_half_written_version_does_no_harm(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    (home / "versions" / "new").mkdir()
    for name in CHAIN, KEY, "other":
        (home / "versions" / "new" / name).write_text("longer than the whole " * 1000)
    assert store(home).is_current(pairs[0])
    assert put(home, pairs[1]).is_current(pairs[1])
    assert set(os.listdir(home / "current")) == {CHAIN, KEY}
    assert versions(home) == {version(pair, "root") for pair in pairs[:2]}


def test_a_damaged_version_is_written_again(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    put(home, pairs[1])
    damaged = home / "versions" / version(pairs[0], "root") / KEY
    damaged.write_bytes(b"")
    assert put(home, pairs[0]).pair() == pairs[0]


def test_files_of_an_administrator_become_the_previous_version(home: pathlib.Path, pairs: list) -> None:
    plain(home, pairs[0])
    made = store(home)
    made.begin(pairs[1])
    assert made.pair() == pairs[1]
    made.undo()
    assert made.pair() == pairs[0]
    put(home, pairs[1])
    assert versions(home) == {version(pair, "root") for pair in pairs[:2]}


def test_files_that_an_administrator_puts_over_ours_become_a_version(home: pathlib.Path, pairs: list) -> None:
    put(home, pairs[0])
    plain(home, pairs[1])
    assert not store(home).is_current(pairs[0])
    put(home, pairs[2])
    assert store(home).is_current(pairs[2])
    assert version(pairs[1], "root") in versions(home)


def test_plain_files_are_adopted_as_they_are(home: pathlib.Path, pairs: list) -> None:
    plain(home, pairs[0])
    assert not store(home).is_current(pairs[0])
    assert put(home, pairs[0]).is_current(pairs[0])
    assert os.readlink(home / KEY) == f"current/{KEY}"


def test_a_key_without_certificate_is_replaced(home: pathlib.Path, pairs: list) -> None:
    plain(home, pairs[0])
    (home / CHAIN).unlink()
    assert store(home).pair() is None
    assert put(home, pairs[1]).is_current(pairs[1])


def test_the_two_last_versions_are_kept(home: pathlib.Path, pairs: list) -> None:
    for age, pair in zip((300, 200, 100), pairs):
        put(home, pair)
        place = home / "versions" / version(pair, "root")
        os.utime(place, (time.time() - age,) * 2)
    assert versions(home) == {version(pair, "root") for pair in pairs[1:]}


def test_old_versions_stay_until_the_new_one_is_loaded(home: pathlib.Path, pairs: list, pending: pathlib.Path) -> None:
    for pair in pairs:
        store(home).begin(pair)
    assert len(versions(home)) == 3
    assert os.listdir(pending) == ["lab"]
    assert pending.stat().st_mode & 0o777 == 0o700


def test_removal_removes_everything_of_ours(home: pathlib.Path, pairs: list, pending: pathlib.Path) -> None:
    put(home, pairs[0])
    store(home).begin(pairs[1])
    (home / "current.new").symlink_to("versions/none")
    (home / f"{KEY}.new").symlink_to("current")
    store(home).remove()
    assert not home.parent.exists()
    assert os.listdir(pending) == []


@pytest.mark.parametrize("place", ["lab/notes", "other/fullchain.pem"])
def test_removal_keeps_other_files(home: pathlib.Path, pairs: list, place: str) -> None:
    put(home, pairs[0])
    theirs = home.parent / place
    theirs.parent.mkdir(exist_ok=True)
    theirs.write_text("mine")
    store(home).remove()
    assert [path for path in home.parent.rglob("*") if path.is_file()] == [theirs]


def test_removing_a_missing_certificate_changes_nothing(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    store(home).remove()
    assert os.listdir(tmp_path) == []


def test_half_a_pair_is_none(home: pathlib.Path, pairs: list) -> None:
    assert store(home).pair() is None
    plain(home, pairs[0])
    shutil.copy(home / CHAIN, home / "copy")
    assert store(home).pair() == pairs[0]
    (home / KEY).unlink()
    assert store(home).pair() is None
