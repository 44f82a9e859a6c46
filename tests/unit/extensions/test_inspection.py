"""What the hub asks about an account outside of its sandbox: its home, and what sudo lets it do."""

from __future__ import annotations

import json
import os
import pathlib
import stat
from types import SimpleNamespace

import pytest
from nbops_jupyterhub import inspection
from nbops_jupyterhub.inspection import home_problem, may_use_sudo, meaning

ALLOWED = """\
Matching Defaults entries for ada on host:
    env_reset, mail_badpass, secure_path=/usr/sbin\\:/usr/bin

User ada may run the following commands on host:
    (root) NOPASSWD: /usr/bin/id
"""


@pytest.fixture
def homes(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Homes of ada (1000) and of bob, who has his below `projects`, which is ada's as well."""
    for name in ("ada", "projects", "projects/bob"):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, 1000, 1000)
    for name, uid, mode in (("bobs", 1001, 0o755), ("open", 0, 0o777), ("sticky", 0, 0o1777)):
        (tmp_path / name / "ada").mkdir(parents=True)
        os.chown(tmp_path / name, uid, uid)
        (tmp_path / name).chmod(mode)
        os.chown(tmp_path / name / "ada", 1000, 1000)
    (tmp_path / "link").symlink_to("projects")
    (tmp_path / "file").touch()
    passwd = f"www-data:x:33:33::{tmp_path}/ada:/bin/sh\nada:x:1000:1000::{tmp_path}/ada:/bin/sh\n"
    passwd += (
        f"bob:x:1001:1001::{tmp_path}/projects/bob:/bin/sh\nnobody:x:65534:65534::{tmp_path}/ada:/bin/sh\n+::::::\n"
    )
    (tmp_path / "passwd").write_text(passwd)
    monkeypatch.setattr(inspection, "PASSWD", tmp_path / "passwd")
    return tmp_path


def account(home: str) -> SimpleNamespace:
    return SimpleNamespace(pw_name="ada", pw_uid=1000, pw_dir=home)


@pytest.mark.parametrize(
    ("home", "problem"),
    [
        ("ada", ""),
        ("ada/", ""),
        ("missing", "is missing"),
        ("file", "is missing"),
        ("projects", "holds the home of bob too"),
        ("link", "holds the home of bob too"),
        (".", "belongs to somebody else"),
        ("bobs/ada", "lies in a directory of somebody else"),
        ("open/ada", "lies in a directory of somebody else"),
        ("sticky/ada", ""),
        ("ada/..", "is no absolute path"),
        ("a b", "is no absolute path"),
        ("a:/etc", "is no absolute path"),
        ("%h", "is no absolute path"),
        ("{USERNAME}", "is no absolute path"),
    ],
)
def test_homes(homes: pathlib.Path, home: str, problem: str) -> None:
    found = home_problem(account(f"{homes}/{home}"))
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


@pytest.mark.parametrize("home", ["/", "/home", "/root", "/usr", "/var/lib", "home/ada", "", "."])
def test_no_directory_of_the_system_is_a_home(homes: pathlib.Path, home: str) -> None:
    assert home_problem(account(home))


@pytest.mark.parametrize(
    ("listing", "may"),
    [
        (ALLOWED, True),
        ("User mallory is not allowed to run sudo on host.\n", False),
        ("", None),
        ("sudo: a password is required\n", None),
    ],
)
def test_what_sudo_says(listing: str, may: bool | None) -> None:
    assert meaning(listing) is may


@pytest.mark.parametrize(
    ("listing", "complaint", "may"),
    [
        ("", "sudo-rs: Sorry, user root is not allowed to execute 'list' as ada on host.\n", False),
        ("User ada may run the following commands on host:\n    (ALL) ALL\n", "", True),
        ("", "sudo-rs: Sorry, user eve is not allowed to execute 'list' as ada on host.\n", None),
        ("", "sudo-rs: user 'ada' not found\n", None),
        ("", "/etc/sudoers.d/x:1:13: syntax error: expecting ')' but found 'a'\n", None),
    ],
)
def test_what_sudo_rs_says(listing: str, complaint: str, may: bool | None) -> None:
    assert meaning(listing, complaint) is may


def test_sudo_is_asked_in_a_language_that_is_known(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "PROGRAMS", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "sudo"
    program.write_text(
        '#!/bin/sh\n[ "$LC_ALL $*" = "C --list --other-user ada" ] && echo "User ada is not allowed to run sudo"'
    )
    program.chmod(0o755)
    assert may_use_sudo("ada") is False
    assert may_use_sudo("bob") is None


def test_a_host_without_sudo(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "PROGRAMS", str(tmp_path))
    assert may_use_sudo("ada") is False


@pytest.mark.parametrize(
    ("home", "sudo", "options", "made"),
    [
        ("ada", False, [], True),
        ("ada", True, ["--may-be-privileged"], True),
        ("ada", True, [], False),
        ("ada", None, [], False),
        ("bobs/ada", False, ["--may-be-privileged"], False),
    ],
)
def test_who_may_have_a_server_gets_the_directory_of_its_socket(
    homes: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    home: str,
    sudo: bool | None,
    options: list[str],
    made: bool,
) -> None:
    place = homes / "socket"
    monkeypatch.setattr(inspection, "may_use_sudo", lambda name: sudo)
    monkeypatch.setattr(inspection, "pwd", SimpleNamespace(getpwnam=lambda name: account(f"{homes}/{home}")))
    monkeypatch.setattr(inspection, "grp", SimpleNamespace(getgrnam=lambda name: SimpleNamespace(gr_gid=4321)))
    for _start in range(2):
        assert inspection.main([f"--directory={place}", "--group=servers", *options, "--", "ada"]) == 0
        assert place.exists() == made
        if made:
            found = place.stat()
            assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1000, 4321, 0o2710)
        assert json.loads(capsys.readouterr().out)["sudo"] is sudo


def test_no_answer_where_the_directory_cannot_be_made(homes: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "may_use_sudo", lambda name: False)
    monkeypatch.setattr(inspection, "pwd", SimpleNamespace(getpwnam=lambda name: account(f"{homes}/ada")))
    with pytest.raises(OSError, match="missing"):
        inspection.main([f"--directory={homes}/missing/ada", "--group=root", "--", "ada"])


def test_what_is_missing_for_a_server_is_told(
    homes: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspection, "may_use_sudo", lambda name: False)
    monkeypatch.setattr(inspection, "pwd", SimpleNamespace(getpwnam=lambda name: account(f"{homes}/ada")))
    assert inspection.main([f"--path={homes}", f"--path={homes}/missing", "--", "ada"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == [f"{homes}/missing"]
