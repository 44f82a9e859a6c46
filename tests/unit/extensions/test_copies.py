"""Copies of databases, by the real SQLite; pg_dump is played."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import sqlite3
from collections.abc import Callable

import pytest
from nbops_jupyterhub import copies
from nbops_jupyterhub.copies import LEFTOVERS, DatabaseError


def execute(path: pathlib.Path, *statements: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = [database.execute(statement).fetchall() for statement in statements]
        database.commit()
    return rows[-1]


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "a b?.sqlite"
    execute(path, "CREATE TABLE users (name TEXT)", "INSERT INTO users VALUES ('ada')")
    return path


def names(path: pathlib.Path) -> list[tuple]:
    return execute(path, "SELECT name FROM users")


def test_a_copy_is_for_root_alone_and_whole(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    target = tmp_path / "copy"
    before = path.read_bytes()
    copies.copy_sqlite(path, target)
    assert names(target) == [("ada",)]
    assert target.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [path, target]


def test_a_copy_has_what_only_the_log_holds(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    execute(path, "PRAGMA journal_mode=WAL")
    with contextlib.closing(sqlite3.connect(path)) as hub:
        hub.execute("INSERT INTO users VALUES ('bob')")
        hub.commit()
        assert b"bob" not in path.read_bytes()
        copies.copy_sqlite(path, tmp_path / "copy")
    assert names(tmp_path / "copy") == [("ada",), ("bob",)]


def test_a_copy_has_nothing_of_a_transaction_that_was_not_finished(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    execute(path, "PRAGMA journal_mode=WAL")
    with contextlib.closing(sqlite3.connect(path)) as hub:
        hub.execute("INSERT INTO users VALUES ('bob')")
        copies.copy_sqlite(path, tmp_path / "copy")
    assert names(tmp_path / "copy") == [("ada",)]


def test_what_an_interrupted_run_left_gives_way(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    target = tmp_path / "copy"
    for name in ("copy", "copy.new"):
        for suffix in ("", *LEFTOVERS):
            (tmp_path / f"{name}{suffix}").write_text("old")
    copies.copy_sqlite(path, target)
    assert names(target) == [("ada",)]
    assert sorted(tmp_path.iterdir()) == [path, target]


@pytest.mark.parametrize("content", [None, b"no database, and long enough to be seen as none" * 20])
def test_what_cannot_be_copied(tmp_path: pathlib.Path, content: bytes | None) -> None:
    path = tmp_path / "jupyterhub.sqlite"
    if content:
        path.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"cannot be copied, nothing was changed: (unable|file is not)"):
        copies.copy_sqlite(path, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == ([path] if content else [])


def test_a_damaged_database_is_no_copy(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    execute(path, "CREATE INDEX by_name ON users (name)", "INSERT INTO users VALUES ('bob')")
    content = bytearray(path.read_bytes())
    # The page of the index, whose entries are its last bytes.
    content[-40:] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="cannot be copied"):
        copies.copy_sqlite(path, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [path]


def test_another_database_takes_its_place_and_mode(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path.chmod(0o640)
    copies.copy_sqlite(path, tmp_path / "draft")
    execute(tmp_path / "draft", "DELETE FROM users")
    copies.replace_sqlite(tmp_path / "draft", path)
    assert names(path) == []
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_what_only_the_log_of_the_other_one_holds_comes_with_it(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    execute(path, "PRAGMA journal_mode=WAL")
    copies.copy_sqlite(path, tmp_path / "draft")
    with contextlib.closing(sqlite3.connect(tmp_path / "draft")) as open_for_good:
        open_for_good.execute("DELETE FROM users")
        open_for_good.commit()
        copies.replace_sqlite(tmp_path / "draft", path)
    assert names(path) == []
    assert list(tmp_path.iterdir()) == [path]


def test_another_database_in_use_does_not_take_a_place(
    path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies.sqlite3, "connect", functools.partial(sqlite3.connect, timeout=0))
    execute(path, "PRAGMA journal_mode=WAL")
    copies.copy_sqlite(path, tmp_path / "draft")
    before = path.read_bytes()
    with contextlib.closing(sqlite3.connect(tmp_path / "draft")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM users").fetchall()
        execute(tmp_path / "draft", "DELETE FROM users")
        with pytest.raises(DatabaseError, match="is in use"):
            copies.replace_sqlite(tmp_path / "draft", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("leftover", LEFTOVERS)
def test_a_database_in_use_is_not_replaced(path: pathlib.Path, tmp_path: pathlib.Path, leftover: str) -> None:
    copies.copy_sqlite(path, tmp_path / "draft")
    before = path.read_bytes()
    pathlib.Path(f"{path}{leftover}").touch()
    with pytest.raises(DatabaseError, match="is in use"):
        copies.replace_sqlite(tmp_path / "draft", path)
    assert path.read_bytes() == before


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pathlib.Path]:
    """PostgreSQL's programs in a directory of their own; pg_dump does what a script says."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))

    def make(*names: str, script: str = "") -> pathlib.Path:
        for name in names:
            (directory / name).write_text(f"#!/bin/sh\n{script}\n")
            (directory / name).chmod(0o755)
        return directory

    return make


def test_a_dump_and_where_the_password_is(programs: Callable[..., pathlib.Path], tmp_path: pathlib.Path) -> None:
    script = 'for word; do case $word in --file=*) file=${word#--file=};; esac; done; echo "$PGPASSWORD $*" > "$file"'
    programs("pg_dump", "pg_restore", "psql", script=script)
    target = tmp_path / "copy.dump"
    copies.dump_postgresql("postgresql://hub@db/hub", "hunter2", target)
    assert target.read_text() == (
        f"hunter2 --format=custom --no-password --file={target}.new --dbname=postgresql://hub@db/hub\n"
    )
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_dump_that_fails(programs: Callable[..., pathlib.Path], tmp_path: pathlib.Path) -> None:
    directory = programs("pg_dump", "pg_restore", "psql", script="echo 'server version mismatch' >&2; exit 1")
    with pytest.raises(DatabaseError, match=r"nothing was changed: server version mismatch$"):
        copies.dump_postgresql("postgresql:///hub", "", tmp_path / "copy.dump")
    assert list(tmp_path.iterdir()) == [directory]


@pytest.mark.parametrize("missing", ["pg_dump", "pg_restore", "psql"])
def test_without_the_way_back_nothing_is_begun(
    programs: Callable[..., pathlib.Path], tmp_path: pathlib.Path, missing: str
) -> None:
    directory = programs(*{"pg_dump", "pg_restore", "psql"} - {missing})
    with pytest.raises(DatabaseError, match="Install the package postgresql-client"):
        copies.dump_postgresql("postgresql:///hub", "", tmp_path / "copy.dump")
    assert list(tmp_path.iterdir()) == [directory]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("database is locked", ". Another program holds it: `fuser --verbose /var/lib/hub.sqlite` names it."),
        ("database or disk is full", ". Make room there (df -h /var/lib/hub.sqlite)"),
        ("attempt to write a readonly database", ". `ls -l /var/lib/hub.sqlite` and dmesg say why"),
        ("file is not a database", ". Restore /var/lib/hub.sqlite from its newest copy"),
        ("database disk image is malformed", ". Restore /var/lib/hub.sqlite from its newest copy"),
        ("connection to server failed: Connection refused", ". Nobody answers at /var/lib/hub.sqlite"),
        ("permission denied", ""),
    ],
)
def test_a_database_that_cannot_be_used_says_what_to_do(reason: str, words: str) -> None:
    told = copies.advice(reason, "/var/lib/hub.sqlite")
    assert told.startswith(words)
    assert bool(told) == bool(words)
