"""Whole copies of a database, made before anything changes it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sqlite3
import subprocess

from nbops_jupyterhub import sqlite, state

# What SQLite leaves beside a database that nobody closed; its content belongs to that database alone.
LEFTOVERS = ("-wal", "-shm", "-journal")


class DatabaseError(Exception):
    """Why the hub cannot start, and what to do about it."""


# By what SQLite and PostgreSQL say, what to do; {0} is the file or the host of the database.
_ADVICE = {
    "database is locked": "Another program holds it: `fuser --verbose {0}` names it. End that, and run again.",
    "is full": "Make room there (df -h {0}), and run again.",
    "readonly database": "`ls -l {0}` and dmesg say why; once root can write there, run again.",
    "not a database": "Restore {0} from its newest copy in `backups` beside it, or from a backup.",
    "malformed": "Restore {0} from its newest copy in `backups` beside it, or from a backup.",
    "onnection refused": "Nobody answers at {0}: `systemctl status postgresql` there; once it runs, run again.",
    "No such file or directory": "Nobody answers at {0}: `systemctl status postgresql` there; once it runs, run again.",
}


def advice(reason: str, place: str) -> str:
    """What to do where a database cannot be used, to follow the reason; empty where only the reason is known."""
    return next((f". {text.format(place)}" for words, text in _ADVICE.items() if words in reason), "")


def copy_sqlite(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies a database with all that was committed, also what its log still holds."""
    # An interrupted run's log would be taken for the new file's.
    for path in (target, f"{target}.new"):
        _remove_leftovers(path)
    draft = state.new_draft(target)
    if problem := sqlite.copy(str(source), str(draft)):
        draft.unlink()
        raise DatabaseError(f"{source} cannot be copied, nothing was changed: {problem}")
    state.put(draft, target)


def _remove_leftovers(path: pathlib.Path | str) -> None:
    for leftover in LEFTOVERS:
        pathlib.Path(f"{path}{leftover}").unlink(missing_ok=True)


def replace_sqlite(draft: pathlib.Path, path: pathlib.Path) -> None:
    """Puts another database in the place of one, in one step."""
    draft.chmod(path.stat().st_mode & 0o777)
    for leftover in LEFTOVERS:
        # One that was closed has none. Another process has the database open, or had.
        if os.path.exists(f"{path}{leftover}"):
            raise DatabaseError(
                f"{path} is in use, nothing was changed: find the process by `fuser {path}`, and stop it."
            )
    # SQLAlchemy may still hold a connection, and then the draft's log has what is not in the draft.
    with contextlib.closing(sqlite3.connect(draft)) as database:
        busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise DatabaseError(f"{draft} is in use, and {path} was not changed.")
    _remove_leftovers(draft)
    state.put(draft, path)


def dump_postgresql(address: str, password: str, target: pathlib.Path) -> None:
    """Dumps a database. The password is in the program's environment, which only root can read."""
    program = shutil.which("pg_dump")
    if not program or not shutil.which("pg_restore") or not shutil.which("psql"):
        raise DatabaseError(
            "The database has to be copied before its upgrade, and PostgreSQL's client programs are missing; nothing "
            "was changed. Install the package postgresql-client, in the server's version or a newer one."
        )
    draft = state.new_draft(target)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [program, "--format=custom", "--no-password", f"--file={draft}", f"--dbname={address}"]
    done = subprocess.run(  # noqa: S603 (no shell)
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        draft.unlink()
        raise DatabaseError(f"The database cannot be copied by pg_dump, nothing was changed: {done.stderr.strip()}")
    state.put(draft, target)
