"""What an account takes back from those to whom it had given a tree."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import take_back

SOMEBODY = 61234


def test_everything_that_code_left_becomes_roots(tmp_path: pathlib.Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/file").touch()
    (tmp_path / "link").symlink_to("deep/file")
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    take_back(str(tmp_path))
    assert {path.lstat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))} == {0}


@pytest.mark.parametrize("target", ["/etc", "../outside", "deep/../../outside"])
def test_a_link_out_is_refused_and_not_followed(tmp_path: pathlib.Path, target: str) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "deep").mkdir(parents=True)
    outside.touch()
    os.chown(outside, SOMEBODY, SOMEBODY)
    link = inside / "link"
    link.symlink_to(target)
    os.chown(link, SOMEBODY, SOMEBODY, follow_symlinks=False)
    with pytest.raises(ValueError, match=f"link is a link to {target}, which is outside"):
        take_back(str(inside))
    assert outside.stat().st_uid == SOMEBODY


def test_what_is_no_file_is_refused(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.chown(tmp_path / "pipe", SOMEBODY, SOMEBODY)
    with pytest.raises(ValueError, match="neither a file nor a directory"):
        take_back(str(tmp_path))


def test_owners_and_modes_of_archives_are_put_right(tmp_path: pathlib.Path) -> None:
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").touch()
    (tmp_path / "outside").touch()
    (tmp_path / "tree/link").symlink_to(tmp_path / "outside")
    for place in ("tree", "tree/deep", "tree/deep/file", "outside"):
        (tmp_path / place).chmod(0o777)
    take_back(str(tmp_path / "tree"), enters=False)
    assert {(tmp_path / place).stat().st_mode & 0o777 for place in ("tree", "tree/deep", "tree/deep/file")} == {0o755}
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o777


def test_nobody_else_writes_or_runs_with_the_owner_s_rights(tmp_path: pathlib.Path) -> None:
    (tmp_path / "program").touch()
    (tmp_path / "program").chmod(0o6777)
    take_back(str(tmp_path))
    assert stat.S_IMODE((tmp_path / "program").stat().st_mode) == 0o755


def test_own_links_lead_where_they_like_whatever_their_group(tmp_path: pathlib.Path) -> None:
    """In a directory with the setgid bit, files have its group."""
    link = tmp_path / "python"
    link.symlink_to("/usr/bin/python3")
    os.chown(link, os.geteuid(), SOMEBODY, follow_symlinks=False)
    assert take_back(str(tmp_path)) > 0
    assert link.lstat().st_gid == os.getegid()
