"""Directories in homes, whose people put links in the way of root."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import person_directories

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """A directory that only root can change and everybody enters, with the home of nobody in it."""
    with tempfile.TemporaryDirectory(dir="/srv") as path:
        root = pathlib.Path(path)
        root.chmod(0o755)
        (root / "etc").mkdir()
        (root / "home").mkdir()
        os.chown(root / "home", NOBODY.pw_uid, NOBODY.pw_gid)
        account = pwd.struct_passwd(("nobody", "x", NOBODY.pw_uid, NOBODY.pw_gid, "", str(root / "home"), "/bin/sh"))
        monkeypatch.setattr(person_directories.pwd, "getpwnam", {"nobody": account}.__getitem__)
        yield root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def module(path: pathlib.Path, owner: str = "nobody", *, check: bool = False) -> dict[str, Any]:
        entries = [{"path": str(path), "owner": owner}]
        with patch_module_args({"directories": entries, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            person_directories.main()
        return json.loads(capsys.readouterr().out)

    return module


@pytest.mark.parametrize("place", ["home/projects/notebooks", "srv/people/nobody"])
def test_a_missing_directory_is_made(root: pathlib.Path, run: Callable[..., dict], place: str) -> None:
    assert run(root / place, check=True)["changed"]
    assert not (root / place).exists()
    assert run(root / place)["made"] == [str(root / place)]
    status, above = (root / place).stat(), (root / place).parent.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o750)
    assert (above.st_uid, above.st_mode & 0o777) == (NOBODY.pw_uid if place.startswith("home") else 0, 0o755)
    assert not run(root / place)["changed"]


def test_an_existing_one_keeps_its_owner(root: pathlib.Path, run: Callable[..., dict]) -> None:
    assert not run(root / "etc")["changed"]
    assert (root / "etc").stat().st_uid == 0


@pytest.mark.parametrize("made", ["", "data/nobody"])
@pytest.mark.parametrize("check", [True, False])
def test_a_directory_that_its_account_cannot_enter_is_refused(
    root: pathlib.Path, run: Callable[..., dict], made: str, check: bool
) -> None:
    data = root / "data"
    (root / (made or "data")).mkdir(parents=True)
    data.chmod(0o750)
    result = run(data / "nobody", check=check)
    assert f"{data / 'nobody'}: nobody cannot enter {data} (root:root 0750)" in result["msg"]
    assert (data / "nobody").exists() == bool(made)


def test_a_directory_that_is_closed_itself_is_refused(root: pathlib.Path, run: Callable[..., dict]) -> None:
    (root / "etc").chmod(0o700)
    assert f"nobody cannot enter {root / 'etc'} (root:root 0700)" in run(root / "etc")["msg"]


def test_a_person_gets_no_directory_of_root_by_a_link(root: pathlib.Path, run: Callable[..., dict]) -> None:
    (root / "home/projects").symlink_to(root / "etc")
    result = run(root / "home/projects/jupyter")
    assert "nobody cannot make it" in result["msg"]
    assert list((root / "etc").iterdir()) == []


def test_a_link_that_leads_out_of_the_home_is_said(
    root: pathlib.Path, run: Callable[..., dict], warnings: list[str]
) -> None:
    data = root / "data"
    data.mkdir()
    os.chown(data, NOBODY.pw_uid, NOBODY.pw_gid)
    (root / "home/projects").symlink_to(data)
    result = run(root / "home/projects/jupyter")
    assert result["elsewhere"] == {str(root / "home/projects/jupyter"): str(data / "jupyter")}
    assert (data / "jupyter").is_dir()
    assert ["outside of the home" in warning for warning in warnings] == [True]


def test_links_of_root_lead_where_they_lead(root: pathlib.Path, run: Callable[..., dict]) -> None:
    (root / "link").symlink_to("etc")
    assert run(root / "link/notebooks")["elsewhere"] == {}
    assert (root / "etc/notebooks").stat().st_uid == NOBODY.pw_uid


def test_an_account_that_is_missing(root: pathlib.Path, run: Callable[..., dict]) -> None:
    assert run(root / "home/x", "dave", check=True)["changed"]
    assert "there is no account dave" in run(root / "home/x", "dave")["msg"]
