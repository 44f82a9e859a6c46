"""Files that go into a backup, and come back."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.backup import Backup


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


def test_an_interrupted_move_loses_nothing(
    tmp_path: pathlib.Path, unit: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_paths: str) -> None:
        raise OSError("no space left")

    backup = Backup(str(tmp_path / "backup"))
    with monkeypatch.context() as patch:
        patch.setattr("shutil.move", full)
        with pytest.raises(OSError, match="no space left"):
            backup.take(str(unit))
    again = Backup(str(tmp_path / "backup"))
    again.restore(again.moved[0])
    assert (unit.read_text(), again.moved) == ("old", [])
