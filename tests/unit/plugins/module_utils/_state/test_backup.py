"""What is collected of a host, and what is noted of a run."""

from __future__ import annotations

import json
import pathlib
import sqlite3
import threading
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._state import backup, manifest
from ansible_collections.nbops.jupyter.plugins.module_utils._state.backup import BackupError
from ansible_collections.nbops.jupyter.plugins.module_utils._state.repository import RepositoryError


class Opened:
    """A repository that notes what it was asked for; `unreadable` or `locked` says how it fails."""

    def __init__(self, *, unreadable: bool = False, locked: bool = False) -> None:
        self.calls: list[str] = []
        self.paths: list[str] = []
        self._unreadable, self._locked = unreadable, locked

    def unlock(self) -> None:
        self.calls.append("unlock")
        if self._locked:
            raise RepositoryError("locked")

    def backup(self, _host: str, paths: str, _excludes: str) -> bool:
        self.calls.append("backup")
        self.paths = pathlib.Path(paths).read_text().splitlines()
        return not self._unreadable

    def forget(self, _host: str, _keep: dict[str, int]) -> None:
        self.calls.append("forget")

    def check(self, _share: str) -> None:
        self.calls.append("check")


@pytest.fixture
def state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The directory of the state of backups."""
    monkeypatch.setattr(backup, "STATE", str(tmp_path))
    monkeypatch.setattr(backup, "STAGE", str(tmp_path / "stage"))
    monkeypatch.setattr(backup, "STATUS", str(tmp_path / "status.json"))
    monkeypatch.setattr(backup, "TEXTFILES", str(tmp_path / "metrics"))
    # They would be those of the tests; test_mounts.py tries them.
    monkeypatch.setattr(backup.mounts, "follow_no_links", lambda paths: (tmp_path / "closed").write_text(str(paths)))
    monkeypatch.setattr(backup.mounts, "give_up_rights", lambda: None)
    return tmp_path


def settings(tmp_path: pathlib.Path, **changes: Any) -> dict[str, Any]:
    return {
        "host": "old",
        "hub": {},
        "labs": [],
        "environments": [],
        "homes": True,
        "exclude": [".cache"],
        "paths": [str(tmp_path)],
        "keep": {"daily": 7},
        "prune": True,
        "check_read": "5%",
        **changes,
    }


def noted(state: pathlib.Path) -> dict[str, Any]:
    return json.loads((state / "status.json").read_text())


def test_the_stage_is_described_by_its_manifest(state: pathlib.Path) -> None:
    opened = Opened()
    backup.backup(settings(state), opened)
    assert opened.calls == ["unlock", "backup", "forget"]
    assert opened.paths == [str(state / "stage"), str(state)]
    made = manifest.parse((state / "stage/manifest.json").read_bytes())
    assert (made.host, made.hub, made.paths) == ("old", "", (str(state),))
    assert noted(state)["last_backup"]["result"] == "ok"


def lab(root_dir: object) -> dict[str, str]:
    return {"name": "lab", "user": "nobody", "root_dir": str(root_dir)}


def test_a_labs_notebooks_outside_of_homes_are_read_where_they_are(state: pathlib.Path) -> None:
    data, shared = state / "data", state / "shared"
    (data / "ada").mkdir(parents=True)
    (shared / "team").mkdir(parents=True)
    labs = [lab(data / "ada"), lab(data), lab(shared / "team"), lab("")]
    opened = Opened()
    backup.backup(settings(state, labs=labs, paths=[str(shared)]), opened)
    assert str(shared) in (state / "closed").read_text()
    assert opened.paths == [str(state / "stage"), str(data), str(shared)]
    made = manifest.parse((state / "stage/manifest.json").read_bytes())
    assert made.paths == (str(data), str(shared))


def test_a_labs_notebooks_are_left_out_with_homes(state: pathlib.Path) -> None:
    (state / "data").mkdir()
    opened = Opened()
    backup.backup(settings(state, labs=[lab(state / "data")], paths=[], homes=False), opened)
    assert opened.paths == [str(state / "stage")]


def test_a_labs_notebooks_in_a_home_are_in_the_home(state: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = state / "ada"
    (home / "notebooks").mkdir(parents=True)
    person = manifest.Person("ada", 1000, 1000, "ada", "", str(home), "/bin/bash", True, data=str(home))
    monkeypatch.setattr(backup, "_people", lambda *_about: iter([person]))
    opened = Opened()
    backup.backup(settings(state, labs=[lab(home / "notebooks")], paths=[]), opened)
    assert opened.paths == [str(state / "stage"), str(home)]


def test_who_may_not_prune_does_not(state: pathlib.Path) -> None:
    opened = Opened()
    backup.backup(settings(state, prune=False), opened)
    assert "forget" not in opened.calls


@pytest.mark.parametrize(
    ("opened", "changes", "message"),
    [
        (Opened(unreadable=True), {}, "some files could not be read"),
        (Opened(locked=True), {}, "locked"),
        (Opened(), {"paths": ["/nonexistent"]}, "backup_paths: /nonexistent is no directory"),
        (Opened(), {"labs": [lab("/nonexistent")]}, "root_dir of the lab lab: /nonexistent is no directory"),
    ],
)
def test_a_failure_is_noted(state: pathlib.Path, opened: Opened, changes: dict[str, Any], message: str) -> None:
    with pytest.raises((BackupError, RepositoryError), match=message):
        backup.backup(settings(state, **changes), opened)
    assert message in noted(state)["last_backup"]["result"]


def test_a_check_keeps_what_is_noted_of_the_backup(state: pathlib.Path) -> None:
    backup.backup(settings(state), Opened())
    before = noted(state)["last_backup"]
    backup.check(settings(state), Opened())
    assert noted(state)["last_backup"] == before
    assert noted(state)["last_check"]["result"] == "ok"


def test_a_database_in_use_is_copied_with_all_that_was_committed(tmp_path: pathlib.Path) -> None:
    source, target = tmp_path / "jupyterhub.sqlite", tmp_path / "copy"
    with sqlite3.connect(source) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE users (name)")
        database.execute("INSERT INTO users VALUES ('ada')")
        database.commit()
        database.execute("INSERT INTO users VALUES ('not yet')")
        thread = threading.Thread(target=backup.copy_sqlite, args=(str(source), str(target)))
        thread.start()
        thread.join(10)
        database.rollback()
    database.close()
    assert backup.sqlite_users(str(target)) == {"ada"}
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_missing_or_damaged_database_is_no_backup(tmp_path: pathlib.Path) -> None:
    with pytest.raises(BackupError, match="cannot be copied"):
        backup.copy_sqlite(str(tmp_path / "none"), str(tmp_path / "copy"))
    assert not (tmp_path / "none").exists()
    (tmp_path / "broken").write_text("no database at all" * 100)
    with pytest.raises(BackupError, match="cannot be copied"):
        backup.copy_sqlite(str(tmp_path / "broken"), str(tmp_path / "copy"))
    with pytest.raises(BackupError, match="is no database of a hub"):
        backup.sqlite_users(str(tmp_path / "broken"))


def test_an_exclusion_never_reaches_the_stage() -> None:
    assert backup.excludes([".cache", "*.json", "/home/*/x", "a$b"], ["/home/ada", "/srv/a*"]) == [
        "/home/*/x",
        *("/home/ada/**/.cache", "/home/ada/**/*.json", "/home/ada/**/a$$b"),
        *("/srv/a\\*/**/.cache", "/srv/a\\*/**/*.json", "/srv/a\\*/**/a$$b"),
    ]


def test_metrics_tell_of_the_last_run_and_of_the_last_that_went_well(state: pathlib.Path) -> None:
    (state / "metrics").mkdir()
    backup.backup(settings(state), Opened())
    metrics = state / "metrics/nbops_backup.prom"
    (success,) = [line for line in metrics.read_text().splitlines() if line.startswith("nbops_backup_last_success")]
    assert 'nbops_backup_success{run="backup"} 1' in metrics.read_text()
    with pytest.raises(BackupError):
        backup.backup(settings(state), Opened(unreadable=True))
    assert 'nbops_backup_success{run="backup"} 0' in metrics.read_text()
    assert success in metrics.read_text()
    assert metrics.stat().st_mode & 0o777 == 0o644
