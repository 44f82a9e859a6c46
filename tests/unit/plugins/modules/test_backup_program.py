"""The repository is opened before anything is written; the program has all that it imports."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._state import manifest, repository
from ansible_collections.nbops.jupyter.plugins.modules import backup_program

# In the place of restic: it opens what has been made, with the right password.
RESTIC = """#!/bin/sh
grep -q 'correct horse battery' "$RESTIC_PASSWORD_FILE" || { echo wrong password or no key found >&2; exit 1; }
case "$*" in
  *init) mkdir "$RESTIC_REPOSITORY" ;;
  *) [ -d "$RESTIC_REPOSITORY" ] || { echo Is there a repository at the following location? >&2; exit 1; } ;;
esac
"""
SETTINGS = {"host": "old", "paths": []}


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A directory that stands for the host."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/restic").write_text(RESTIC)
    (tmp_path / "bin/restic").chmod(0o755)
    monkeypatch.setattr(surroundings, "DIRECTORIES", (str(tmp_path / "bin"), *surroundings.DIRECTORIES))
    monkeypatch.setattr(backup_program, "LIBRARY", str(tmp_path / "lib"))
    monkeypatch.setattr(backup_program, "PROGRAM", str(tmp_path / "lib/backup.py"))
    for name, path in {
        "DIRECTORY": "etc",
        "SETTINGS": "etc/settings.json",
        "SECRETS": "etc/secrets",
        "KNOWN_HOSTS": "etc/known_hosts",
        "CACHE": "cache",
    }.items():
        monkeypatch.setattr(repository, name, str(tmp_path / path))
    monkeypatch.setattr(manifest, "STATE", str(tmp_path / "state"))
    for name in ("PATH", "RESTIC_REPOSITORY", "RESTIC_PASSWORD_FILE", "RESTIC_CACHE_DIR", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], host: pathlib.Path, **changes: object) -> dict:
    parameters = {
        "program": "print('a backup')\n",
        "repository": str(host / "vault"),
        "password": "correct horse battery",
        "environment": {"AWS_ACCESS_KEY_ID": "staple"},
        "settings": SETTINGS,
        **changes,
    }
    with patch_module_args(parameters), pytest.raises(SystemExit):
        backup_program.main()
    return json.loads(capsys.readouterr().out)


def files(host: pathlib.Path) -> dict[str, str]:
    """The files of root's below etc, with their modes."""
    return {
        str(path.relative_to(host)): oct(path.stat().st_mode & 0o777)
        for path in sorted((host / "etc").rglob("*"))
        if path.is_file()
    }


def test_it_is_installed_once(host: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    predicted = run(capsys, host, _ansible_check_mode=True)
    assert (predicted["changed"], predicted["created"]) == (True, True)
    assert not (host / "vault").exists()
    assert files(host) == {}
    made = run(capsys, host)
    assert (made["changed"], made["created"]) == (True, True)
    names = ("known_hosts", "secrets/environment.json", "secrets/password", "settings.json")
    assert files(host) == {f"etc/{name}": "0o600" for name in names}
    assert oct((host / "etc").stat().st_mode & 0o777) == "0o700"
    again = run(capsys, host)
    assert (again["changed"], again["created"]) == (False, False)


def test_a_repository_that_does_not_open_changes_nothing(
    host: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = run(capsys, host, password="another one")
    assert "backup_password does not open this repository. Nothing was changed." in failed["msg"]
    assert files(host) == {}


def test_a_secret_that_is_no_longer_given_goes(host: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, host)
    assert run(capsys, host, environment={})["changed"]
    assert "etc/secrets/environment.json" not in files(host)


def test_absent_leaves_only_the_repository(host: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, host)
    (host / "state").mkdir()
    assert run(capsys, host, state="absent")["changed"]
    assert sorted(path.name for path in host.iterdir()) == ["bin", "vault"]
    assert not run(capsys, host, state="absent")["changed"]


def test_the_program_has_all_that_it_imports(host: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, host)
    # The host's own Python knows no Ansible.
    imports = f"import sys; sys.path[:0] = [{str(host / 'lib')!r}]; import {backup_program.backup.__name__}"
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", imports], capture_output=True, text=True, check=False, cwd=sys.prefix
    )
    assert done.returncode == 0, done.stderr
