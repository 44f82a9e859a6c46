"""How restic is called, and what its messages mean."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Sequence

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner
from ansible_collections.nbops.jupyter.plugins.module_utils._state import repository
from ansible_collections.nbops.jupyter.plugins.module_utils._state.repository import (
    NoRepositoryError,
    Repository,
    RepositoryError,
    explained,
    ssh_command,
)

# Notes how it was called; it knows two snapshots.
CALLS = r"""#!/bin/sh
{ env | grep -E '^(RESTIC|AWS)' | sort; printf '%s\n' "$@"; } >>"$0.calls"
case $* in
  *snapshots*) echo '[{"id": "newer", "time": "2026-02"}, {"id": "older", "time": "2026-01"}]' ;;
  *) exit ${STATUS:-0} ;;
esac
"""


@pytest.fixture
def calls(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A file with what a program in the place of restic was told, by its environment and arguments."""
    program = tmp_path / "restic"
    program.write_text(CALLS)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("RESTIC_REPOSITORY", "RESTIC_PASSWORD_FILE", "RESTIC_CACHE_DIR", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "")
    for name in ("RESTIC_REST_USERNAME", "RESTIC_REST_PASSWORD"):
        monkeypatch.delenv(name, raising=False)

    def run(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        done = subprocess.run(argv, input=data, capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    monkeypatch.setattr(runner, "_runners", [run])
    return tmp_path / "restic.calls"


def made(directory: pathlib.Path, address: str, **secrets: object) -> Repository:
    parameters = {"password": "correct horse", "environment": {}, "ssh_key": "", **secrets}
    for name, text in repository.secret_texts(parameters).items():
        (directory / name).write_text(text)
    return Repository(address, str(directory), "/etc/known", "/var/cache")


@pytest.mark.parametrize(
    ("address", "end"),
    [
        ("sftp:vault:/srv", "-s -- vault sftp"),
        ("sftp:ada@vault.example.org:/srv", "-l ada -s -- vault.example.org sftp"),
        ("sftp://ada@vault:2222//srv", "-p 2222 -l ada -s -- vault sftp"),
        ("sftp://[2001:db8::1]/srv", "-s -- 2001:db8::1 sftp"),
        ("sftp:vault:2222/srv", "-s -- vault sftp"),
    ],
)
def test_ssh_speaks_to_no_strange_host(address: str, end: str) -> None:
    command = ssh_command(address, "/secret/key", "/etc/known")
    assert command.endswith(end)
    assert "StrictHostKeyChecking=yes -o UserKnownHostsFile=/etc/known -o GlobalKnownHostsFile=none" in command
    assert "-i /secret/key -o IdentitiesOnly=yes" in command


def test_no_secret_is_on_a_command_line(calls: pathlib.Path, tmp_path: pathlib.Path) -> None:
    opened = made(tmp_path, "s3:https://s3.example.org/b", environment={"AWS_SECRET_ACCESS_KEY": "battery staple"})
    opened.backup("old", "/paths", "/excludes")
    text = calls.read_text()
    environment, arguments = text.rsplit("\nbackup\n", 1)
    assert "AWS_SECRET_ACCESS_KEY=battery staple" in environment
    assert f"RESTIC_PASSWORD_FILE={tmp_path}/password" in environment
    assert "correct horse" not in text
    assert "battery" not in arguments
    assert arguments.startswith("--quiet\n--host\nold\n--tag\nnbops\n--parent\nnewer\n")


def test_a_login_of_rest_server_is_in_the_environment_alone(calls: pathlib.Path, tmp_path: pathlib.Path) -> None:
    login = {"RESTIC_REST_USERNAME": "ada", "RESTIC_REST_PASSWORD": "p/w"}
    with pytest.MonkeyPatch.context() as patch:
        for name in login:
            patch.setenv(name, "")
        made(tmp_path, "rest:https://vault/", environment=login).require()
    assert "RESTIC_REPOSITORY=rest:https://ada:p%2Fw@vault/" in calls.read_text()


def test_numbers_of_zero_keep_nothing(calls: pathlib.Path, tmp_path: pathlib.Path) -> None:
    made(tmp_path, "/backup").forget("old", {"daily": 7, "weekly": 0})
    assert "--keep-daily\n7\n" in calls.read_text()
    assert "weekly" not in calls.read_text()


def test_a_path_is_no_pattern(calls: pathlib.Path, tmp_path: pathlib.Path) -> None:
    made(tmp_path, "/backup").restore("abc", ["/home/a[d]a*", "/home/bob"], "/target")
    assert "--include\n/home/a\\[d]a\\*\n--include\n/home/bob\n" in calls.read_text()


def test_unreadable_files_are_not_success(calls: pathlib.Path, tmp_path: pathlib.Path) -> None:
    opened = made(tmp_path, "/backup")
    os.environ["STATUS"] = "3"
    try:
        assert opened.backup("old", "/paths", "/excludes") is False
        with pytest.raises(RepositoryError):
            opened.check("5%")
    finally:
        del os.environ["STATUS"]


@pytest.mark.parametrize(
    ("status", "message", "kind", "expected"),
    [
        (12, "Fatal: wrong password or no key found", RepositoryError, "backup_password does not open"),
        (1, "Fatal: wrong password or no key found", RepositoryError, "backup_password does not open"),
        (10, "Fatal: repository does not exist", NoRepositoryError, "there is no repository"),
        (1, "Is there a repository at the following location?\n/x", NoRepositoryError, "mount its disk, write in"),
        (11, "unable to create lock", RepositoryError, "another run has locked"),
        (1, "repository is already locked by PID 7", RepositoryError, "another run has locked"),
        (1, "subprocess ssh: Host key verification failed.", RepositoryError, "not in backup_known_hosts"),
        (1, "ada@vault: Permission denied (publickey).", RepositoryError, "does not let backup_ssh_key in"),
        (1, "disk full", RepositoryError, "disk full"),
        (7, "", RepositoryError, "restic ended with 7"),
    ],
)
def test_messages(status: int, message: str, kind: type[RepositoryError], expected: str) -> None:
    error = explained(status, message, "/backup")
    assert error.__class__ is kind
    assert str(error).startswith("/backup: ")
    assert expected in str(error)
