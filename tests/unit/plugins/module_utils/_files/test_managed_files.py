"""Text and mode are written together, only if they differ, and not in check mode."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles


def mode(path: pathlib.Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def umask() -> object:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_file_is_created_with_its_directories(tmp_path: pathlib.Path) -> None:
    files, path = ManagedFiles(check_mode=False), tmp_path / "a" / "b" / "file"
    files.write(str(path), "text\n", 0o600)
    assert files.changed
    assert (path.read_text(), mode(path)) == ("text\n", 0o600)
    assert os.listdir(path.parent) == ["file"]


def test_the_umask_makes_no_difference(tmp_path: pathlib.Path, umask: object) -> None:
    ManagedFiles(check_mode=False).write(str(tmp_path / "file"), "", 0o755)
    assert mode(tmp_path / "file") == 0o755


def test_an_equal_file_is_not_written(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    ManagedFiles(check_mode=False).write(str(path), "text", 0o644)
    before = path.stat()
    files = ManagedFiles(check_mode=False)
    files.write(str(path), "text", 0o644)
    assert not files.changed
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("content", "before"), [(b"other", 0o600), (b"text", 0o644), (b"\xff\xfe", 0o600)], ids=["text", "mode", "garbage"]
)
def test_another_text_or_mode_is_replaced(tmp_path: pathlib.Path, content: bytes, before: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    path.chmod(before)
    files = ManagedFiles(check_mode=False)
    files.write(str(path), "text", 0o600)
    assert files.changed
    assert (path.read_text(), mode(path)) == ("text", 0o600)


def test_a_reader_of_the_old_file_keeps_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_text("old text")
    with path.open() as reader:
        ManagedFiles(check_mode=False).write(str(path), "new", 0o600)
        assert reader.read() == "old text"


def test_a_draft_of_an_interrupted_run_does_no_harm(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file.new").write_text("half")
    (tmp_path / "file.new").chmod(0o666)
    ManagedFiles(check_mode=False).write(str(tmp_path / "file"), "text", 0o600)
    assert mode(tmp_path / "file") == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_files_directories_and_links_are_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "kept" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("kept")
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("file", "folder", "link", "dangling"):
        files = ManagedFiles(check_mode=False)
        files.remove(str(tmp_path / name))
        assert files.changed, name
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "inner"]


def test_removing_a_missing_file_changes_nothing(tmp_path: pathlib.Path) -> None:
    files = ManagedFiles(check_mode=False)
    files.remove(str(tmp_path / "none"))
    assert not files.changed


def test_check_mode_predicts_and_changes_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old").write_text("old")
    for act in (
        lambda files: files.write(str(tmp_path / "new" / "file"), "", 0o600),
        lambda files: files.write(str(tmp_path / "old"), "new", 0o600),
        lambda files: files.remove(str(tmp_path / "old")),
    ):
        files = ManagedFiles(check_mode=True)
        act(files)
        assert files.changed
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("old", "old")]
