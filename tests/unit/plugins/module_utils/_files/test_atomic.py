"""A path has the old file or the new one, never a part of one."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import resource

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic


def test_a_file_replaces_another(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    path.write_text("old and long")
    path.chmod(0o666)
    atomic.write(str(path), b"new", 0o640, os.getgid())
    assert (path.read_text(), path.stat().st_mode & 0o777, path.stat().st_gid) == ("new", 0o640, os.getgid())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_file_replaces_a_link_and_not_its_target(tmp_path: pathlib.Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "a").symlink_to("target")
    atomic.write(str(tmp_path / "a"), b"new", 0o644)
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "target").read_text() == "kept"


def test_a_staged_file_changes_nothing_yet(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    draft = pathlib.Path(atomic.stage(str(path), b"new", 0o600))
    assert (path.read_text(), draft.read_text(), draft.stat().st_mode & 0o777) == ("old", "new", 0o600)


def test_a_file_of_an_interrupted_run_is_replaced_and_a_link_not_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "a.new").symlink_to("target")
    atomic.write(str(tmp_path / "a"), b"new", 0o644)
    assert ((tmp_path / "a").read_text(), (tmp_path / "target").read_text()) == ("new", "kept")


def test_a_failure_names_the_file_and_leaves_none(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, hard))
    try:
        with pytest.raises(OSError, match="File too large") as failure:
            atomic.stage(str(path), b"new", 0o644)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failure.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Its file system is full: make room (df -h {0}; df -i {0}), then run again."),
        (errno.EDQUOT, "The quota there is used up: make room or raise it (quota --verbose), then run again."),
        (errno.EROFS, "Its file system is read-only: dmesg says why; then mount -o remount,rw it, and run again."),
        (errno.EACCES, ""),
    ],
)
def test_a_failure_says_what_to_do(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int, advice: str
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    path = tmp_path / "a"
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as failure:
        atomic.stage(str(path), b"new", 0o644)
    expected = f"[Errno {number}] {os.strerror(number)}: '{path}'" + (f". {advice.format(tmp_path)}" if advice else "")
    assert (str(failure.value), failure.value.errno, failure.value.filename) == (expected, number, str(path))


def test_a_read_only_file_system_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses to remove a file as well, also one that is not there."""

    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(atomic.WriteError, match="mount -o remount,rw it, and run again"):
        atomic.write(str(tmp_path / "a"), b"new", 0o644)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            OSError(errno.EROFS, "Read-only", "/a/b"),
            "[Errno 30] Read-only: '/a/b'. Its file system is read-only: dmesg",
        ),
        (OSError(errno.ENOSPC, "Full"), "[Errno 28] Full. Its file system is full: make room (df -h; df -i), then"),
        (
            atomic.WriteError(errno.ENOSPC, "Full", "/a/b"),
            "[Errno 28] Full: '/a/b'. Its file system is full: make room",
        ),
        (ValueError("wrong"), "wrong"),
        (PermissionError(errno.EACCES, "Denied", "/a"), "[Errno 13] Denied: '/a'"),
    ],
)
def test_any_error_is_explained_once(error: Exception, text: str) -> None:
    told = atomic.explained(error)
    assert told.startswith(text)
    assert told.count("Its file system") == text.count("Its file system")


def test_a_link_replaces_a_file_and_another_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").write_text("old")
    for target in "one", "two":
        atomic.link(target, str(tmp_path / "a"))
        assert os.readlink(tmp_path / "a") == target
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
