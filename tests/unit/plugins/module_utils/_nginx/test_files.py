"""Files below nginx's directory: written together or not at all, and readable for those they are meant for."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.files import (
    TargetFile,
    is_public_log,
    is_safe,
    protect_log,
    write,
)


def test_files_are_written_and_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old.conf").write_bytes(b"old")
    (tmp_path / "gone.conf").write_bytes(b"gone")
    (tmp_path / "other.conf").write_bytes(b"other")
    wanted = {"old.conf": b"new \xff", "more.conf": b"more", "gone.conf": None, "never.conf": None}
    write(str(tmp_path), [TargetFile(name, data) for name, data in wanted.items()])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "old.conf": b"new \xff",
        "more.conf": b"more",
        "other.conf": b"other",
    }
    assert (tmp_path / "more.conf").stat().st_mode & 0o777 == 0o644


def test_no_file_changes_if_one_cannot_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.conf").write_bytes(b"old")
    (tmp_path / "b.conf.new").mkdir()
    with pytest.raises(IsADirectoryError):
        write(str(tmp_path), [TargetFile("a.conf", b"new"), TargetFile("b.conf", b"new")])
    assert (tmp_path / "a.conf").read_bytes() == b"old"
    assert not (tmp_path / "b.conf").exists()


def test_the_directory_of_a_page_is_created_and_removed_with_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "conf.d").mkdir()
    for data in b"text", None:
        write(str(tmp_path), [TargetFile("pages/lab/a.html", data), TargetFile("conf.d/a.conf", data)])
        assert (tmp_path / "pages/lab/a.html").exists() == (data is not None)
    assert [path.name for path in tmp_path.iterdir()] == ["conf.d"]


def test_only_its_group_can_read_a_private_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "passwords"
    write(str(tmp_path), [TargetFile("passwords", b"a:b", os.getgid())])
    assert path.stat().st_mode & 0o777 == 0o640
    assert is_safe(str(path), os.getgid()) == (os.getuid() == 0)
    assert not is_safe(str(path), os.getgid() + 1)
    path.chmod(0o644)
    assert not is_safe(str(path), os.getgid())


def test_a_file_that_others_can_write_is_not_safe(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "site.conf"
    path.write_bytes(b"")
    path.chmod(0o644)
    assert is_safe(str(path), None) == (os.getuid() == 0)
    path.chmod(0o664)
    assert not is_safe(str(path), None)
    link = tmp_path / "link.conf"
    link.symlink_to(path)
    assert not is_safe(str(link), None)


def test_a_missing_log_is_created_for_its_owner_and_group(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    assert is_public_log(str(log))
    protect_log(str(log))
    assert not is_public_log(str(log))
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_public_log_is_protected_and_keeps_its_text(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("said")
    log.chmod(0o644)
    assert is_public_log(str(log))
    protect_log(str(log))
    assert (log.read_text(), log.stat().st_mode & 0o777) == ("said", 0o640)


def test_a_device_is_no_public_log() -> None:
    assert not is_public_log("/dev/null")
