"""Files are written whole, with their mode, or not at all."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import files


def test_write_replaces_in_one_step_and_opens_to_readers(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.service.d" / "50-x.conf"
    os.umask(0o022)
    files.write(str(path), "old")
    path.chmod(0o600)
    inode = path.stat().st_ino
    files.write(str(path), "é\n")
    assert path.read_bytes() == "é\n".encode()
    assert path.stat().st_mode & 0o7777 == 0o644
    assert path.stat().st_ino != inode
    assert [entry.name for entry in path.parent.iterdir()] == ["50-x.conf"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.service"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        files.write(str(path), "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_remove_takes_an_empty_drop_in_folder_along(tmp_path: pathlib.Path) -> None:
    for name in ("a.service.d/1.conf", "b.service.d/1.conf", "b.service.d/2.conf", "folder/c.service"):
        files.write(str(tmp_path / name), "")
    for name in ("a.service.d/1.conf", "b.service.d/1.conf", "folder/c.service"):
        files.remove(str(tmp_path / name))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["b.service.d", "folder"]


def test_is_plain(tmp_path: pathlib.Path) -> None:
    assert files.is_plain(str(tmp_path / "none"))
    assert not files.is_plain(str(tmp_path))
    (tmp_path / "mask").symlink_to("/dev/null")
    assert not files.is_plain(str(tmp_path / "mask"))


def test_the_time_of_a_link_is_its_own(tmp_path: pathlib.Path) -> None:
    (tmp_path / "target").write_text("")
    (tmp_path / "link").symlink_to("target")
    os.utime(tmp_path / "target", (1, 1))
    os.utime(tmp_path / "link", (2, 2), follow_symlinks=False)
    assert files.modification_time(str(tmp_path / "link")) == 2
    assert files.modification_time(str(tmp_path / "none")) == float("-inf")
    assert files.modification_time(str(tmp_path / "target/none")) == float("-inf")
