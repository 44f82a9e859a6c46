# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores a hub's database from the copy that the hub made before an upgrade."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic

CLIENT_PROGRAMS = ("pg_restore", "psql")

# SQLite leaves these files beside a database that nobody closed. Their content belongs to that database alone.
LEFTOVERS = ("-wal", "-shm", "-journal")

# The restoration fails instead of waiting for ever for somebody who has the database open. The last line is for newer
# servers; _drop_new_setting says why.
SETTINGS = """
SET lock_timeout = '60s';
SET client_min_messages = warning;
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout';
"""

# The tables of a newer schema would stay beside the old tables, and refer to them. Tables of other owners stay, but
# their views of the hub's tables are dropped.
DROP_TABLES = """
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tableowner = current_user LOOP
    EXECUTE format('DROP TABLE %I.%I CASCADE', current_schema(), name);
  END LOOP;
END $$;
"""

RunCommand = Callable[..., "tuple[int, str, str]"]


class DatabaseError(Exception):
    """A program of PostgreSQL failed; the text is its message, and the database is unchanged."""


def restore_sqlite(copy: str, path: str) -> None:
    """Replaces the database at a path by a copy in one step. Raises OSError."""
    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
    with open(copy, "rb") as file:
        draft = atomic.stage(path, file.read(), mode)
    # SQLite would apply them to the copy.
    for leftover in LEFTOVERS:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + leftover)
    os.rename(draft, path)
    atomic.sync_directory(os.path.dirname(path))


def restore_postgresql(run_command: RunCommand, address: str, password: str, copy: str) -> None:
    """Replaces the hub's tables by those of a dump, in one transaction. Raises DatabaseError and OSError.

    `run_command` is an AnsibleModule's, `address` a URL without password, `copy` the path of a dump by pg_dump.
    """
    environment = {"PGPASSWORD": password} if password else {}
    connection = ["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={address}"]

    def run(*command: str) -> str:
        status, out, err = run_command(list(command), environ_update=environment)
        if status != 0:
            raise DatabaseError(f"{command[0]} failed, the database is as it was: {(err or out).strip()}")
        return out

    question = "SELECT current_schema() || E'\\n' || current_user"
    schema, owner = run("psql", *connection, "--no-align", "--tuples-only", f"--command={question}").splitlines()
    with tempfile.TemporaryDirectory() as directory:
        paths = {name: os.path.join(directory, name) for name in ("drop", "list", "restore")}
        _write(paths["drop"], SETTINGS + DROP_TABLES)
        _write(paths["list"], own_entries(run("pg_restore", "--list", copy), schema, owner))
        run("pg_restore", "--no-owner", f"--use-list={paths['list']}", f"--file={paths['restore']}", copy)
        _drop_new_setting(paths["restore"])
        files = [f"--file={paths[name]}" for name in ("drop", "restore")]
        run("psql", *connection, "--single-transaction", *files)


def has_tables(run_command: RunCommand, address: str) -> bool:
    """Whether a database that can be reached without a password has tables; one that is not there has none."""
    if not shutil.which("psql"):
        return False
    question = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
    status, out, _err = ask_postgresql(run_command, address, question)
    return status == 0 and out.strip() != "0"


def ask_postgresql(run_command: RunCommand, address: str, question: str) -> tuple[int, str, str]:
    """The status, the answer with bars between its columns, and the errors of a question without a password."""
    options = ["--no-psqlrc", "--no-password", "--no-align", "--tuples-only", f"--command={question}"]
    return run_command(["psql", *options, f"--dbname={address}"])


def own_entries(listing: str, schema: str, owner: str) -> str:
    """The entries of a dump's table of contents that the hub's role owns in its schema.

    The others are not restored: the schema itself, extensions, default privileges.
    """
    entry = re.compile(rf"\d+; \d+ \d+ (?!DEFAULT ACL )[A-Z ]+ {re.escape(schema)} .+ {re.escape(owner)}")
    return "".join(f"{line}\n" for line in listing.splitlines() if entry.fullmatch(line))


def _drop_new_setting(path: str) -> None:
    """Removes a setting that pg_restore 17 writes into the head of its script, and that older servers refuse."""
    with open(path, "rb") as file:
        head, name, objects = file.read().partition(b"\n-- Name: ")
    with open(path, "wb") as file:
        file.write(head.replace(b"SET transaction_timeout = 0;\n", b"") + name + objects)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
