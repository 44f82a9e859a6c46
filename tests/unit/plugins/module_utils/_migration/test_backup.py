"""Files that go into a backup, and come back."""

from __future__ import annotations

import errno
import os
import pathlib
from typing import IO

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.backup import Backup

DAVE = 4711


@pytest.fixture
def unit(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "etc/lab.service"
    path.parent.mkdir()
    path.write_text("old")
    return path


def test_what_goes_comes_back(tmp_path: pathlib.Path, unit: pathlib.Path) -> None:
    backup = Backup(str(tmp_path / "backup"))
    place = backup.take(str(unit), enabled=True)
    assert (unit.exists(), pathlib.Path(place).read_text()) == (False, "old")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    unit.write_text("new")
    again = Backup(str(tmp_path / "backup"))
    assert [(entry["path"], entry["enabled"]) for entry in again.moved] == [(str(unit), True)]
    again.restore(again.moved[0])
    assert unit.read_text() == "old"
    assert Backup(str(tmp_path / "backup")).moved == []


def test_a_link_stays_a_link(tmp_path: pathlib.Path, unit: pathlib.Path) -> None:
    link = tmp_path / "enabled"
    link.symlink_to(unit)
    backup = Backup(str(tmp_path / "backup"))
    place = backup.take(str(link))
    assert os.readlink(place) == str(unit)
    backup.restore(backup.moved[0])
    assert os.readlink(link) == str(unit)


def test_what_went_before_is_kept(tmp_path: pathlib.Path, unit: pathlib.Path) -> None:
    backup = Backup(str(tmp_path / "backup"))
    first = backup.take(str(unit))
    unit.write_text("second")
    second = backup.take(str(unit))
    assert [pathlib.Path(place).read_text() for place in (first, second)] == ["old", "second"]


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every move between directories one between file systems."""
    rename = os.rename

    def moving(source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        if src_dir_fd != dst_dir_fd:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr("os.rename", moving)


@pytest.mark.usefixtures("apart")
def test_owner_and_mode_come_back_from_another_file_system(tmp_path: pathlib.Path, unit: pathlib.Path) -> None:
    unit.chmod(0o640)
    os.chown(unit, DAVE, DAVE)
    link = tmp_path / "enabled"
    link.symlink_to(unit)
    backup = Backup(str(tmp_path / "backup"))
    for path in (unit, link):
        backup.take(str(path))
        backup.restore(backup.moved[0])
    status = unit.stat()
    assert (unit.read_text(), status.st_uid, status.st_gid, status.st_mode & 0o777) == ("old", DAVE, DAVE, 0o640)
    assert os.readlink(link) == str(unit)
    assert sorted(path.name for path in unit.parent.iterdir()) == ["lab.service"]


@pytest.mark.usefixtures("apart")
def test_an_interrupted_move_loses_nothing(
    tmp_path: pathlib.Path, unit: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_old: object, new: IO[bytes]) -> None:
        new.write(b"o")
        raise OSError("no space left")

    backup = Backup(str(tmp_path / "backup"))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfileobj", full)
        with pytest.raises(OSError, match="no space left"):
            backup.take(str(unit))
    again = Backup(str(tmp_path / "backup"))
    again.restore(again.moved[0])
    assert (unit.read_text(), again.moved) == ("old", [])


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    """A configuration in the home of dave."""
    path = tmp_path / "dave/.jupyter/jupyter_server_config.py"
    path.parent.mkdir(parents=True)
    path.write_text("dave's")
    for place in (path, path.parent, path.parent.parent):
        os.chown(place, DAVE, DAVE)
    return path


def test_a_person_has_no_file_of_others_moved(tmp_path: pathlib.Path, config: pathlib.Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    (others / config.name).write_text("others'")
    config.unlink()
    config.parent.rmdir()
    config.parent.symlink_to(others)
    with pytest.raises(ValueError, match="is a link"):
        Backup(str(tmp_path / "backup")).take(str(config))
    assert os.listdir(others) == [config.name]


def test_a_person_has_no_file_put_elsewhere(tmp_path: pathlib.Path, config: pathlib.Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    backup = Backup(str(tmp_path / "backup"))
    backup.take(str(config))
    config.parent.rmdir()
    config.parent.symlink_to(others)
    with pytest.raises(ValueError, match="is a link"):
        backup.restore(backup.moved[0])
    assert os.listdir(others) == []
    config.parent.unlink()
    backup.restore(backup.moved[0])
    assert (config.read_text(), config.stat().st_uid, config.parent.stat().st_uid) == ("dave's", DAVE, DAVE)
