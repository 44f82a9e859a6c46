# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a hub: what differs from its last healthy state, and its database as the copy has it.

What is read here was written by the hub's own program nbops_jupyterhub.database, which the role ships.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Callable
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore

STATE = "/var/lib"
UNITS = "/etc/systemd/system"
APPLICATIONS = "/opt"
ENVIRONMENTS = ("hub", "user", "proxy")
CLIENT_PROGRAMS = ("pg_restore", "psql")

# What SQLite leaves beside a database that nobody closed; its content belongs to that database alone.
LEFTOVERS = ("-wal", "-shm", "-journal")

# Whoever still has the database open must not keep us waiting for ever. The last setting is one that only newer servers
# know; see _drop_new_setting.
SETTINGS = """
SET lock_timeout = '60s';
SET client_min_messages = warning;
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout';
"""

# The tables of a newer schema would stay beside the old ones, and keep them from being replaced. What others own stays,
# but for their views of these tables.
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


class Failure(Exception):
    """What went wrong, and what to do about it."""


class Rollback:
    """A hub's last healthy state, and what is otherwise now."""

    def __init__(self, name: str, config: str) -> None:
        self.config_path = config
        self.state = os.path.join(STATE, name)
        self._upgrade = os.path.join(self.state, "upgrade.json")
        self.healthy = _json(os.path.join(self.state, "healthy.json"))
        self.note = _json(self._upgrade)
        self.config = _bytes(os.path.join(self.state, "healthy-config.json"))
        self.stores = {part: ReleaseStore(os.path.join(APPLICATIONS, name, part)) for part in ENVIRONMENTS}

    def releases(self) -> dict[str, str]:
        """By environment, the path of the release to go back to, where it is another than now."""
        wanted = (self.healthy or {}).get("releases", {})
        return {
            part: path
            for part, path in sorted(wanted.items())
            if part in self.stores and os.path.basename(path) != self.stores[part].current()
        }

    def units(self) -> dict[str, str]:
        """By name, the text of the units of hub and proxy to go back to, where it is another than now."""
        wanted = (self.healthy or {}).get("units", {})
        return {
            name: text for name, text in sorted(wanted.items()) if _bytes(os.path.join(UNITS, name)) != text.encode()
        }

    def config_differs(self) -> bool:
        return self.config is not None and _bytes(self.config_path) != self.config

    def database_copy(self) -> str:
        """The path of the copy to restore, empty where the database is as it was."""
        note = self.note or {}
        return "" if note.get("restored") else note.get("backup", "")

    def is_needed(self) -> bool:
        """Whether there is anything to put back, or an earlier run did not come to its end."""
        return bool(self.healthy and (self.note or self.releases() or self.units() or self.config_differs()))

    def problems(self, has_program: Callable[[str], bool]) -> list[str]:
        """What is in the way, so that it is said before anything is changed."""
        found = []
        for part, path in self.releases().items():
            store = self.stores[part]
            name = os.path.basename(path)
            if path != os.path.realpath(store.directory(name)) or store.marker(name) is None:
                found.append(f"{path}, which ran when the hub last was healthy, is gone.")
        if self.config is None:
            found.append(f"{self.state}/healthy-config.json, the configuration of that time, is gone.")
        note, copy = self.note or {}, self.database_copy()
        if note.get("to_revision") and not copy and not note.get("restored"):
            found.append(f"The database was migrated. Restore the copy that you made, and remove {self._upgrade}.")
        if copy and not os.path.isfile(copy):
            found.append(f"{copy}, the copy of the database, is gone.")
        if copy and note["database"]["kind"] == "postgresql":
            missing = [program for program in CLIENT_PROGRAMS if not has_program(program)]
            found += [f"{program}, of the package postgresql-client, is missing." for program in missing]
        return found

    def begin(self) -> None:
        """From now on an interrupted run is known to be one."""
        self._write_note({**(self.note or {}), "rollback": True})

    def restore_database(self, run_command: RunCommand) -> None:
        database, copy = self.note["database"], self.database_copy()
        if database["kind"] == "sqlite":
            restore_sqlite(copy, database["path"])
        else:
            restore_postgresql(run_command, database["address"], database["password"], copy)
        # The hub may write to it from here on, so it is not to be restored again.
        self._write_note({**self.note, "restored": True})

    def restore_config(self) -> None:
        atomic.write(self.config_path, self.config, 0o600)

    def restore_releases(self, releases: dict[str, str]) -> None:
        for part, path in releases.items():
            self.stores[part].activate(os.path.basename(path))

    def restore_units(self, units: dict[str, str]) -> None:
        for name, text in units.items():
            atomic.write(os.path.join(UNITS, name), text.encode(), 0o644)

    def finish(self) -> None:
        # The hub's own start has removed it as well, once it was healthy.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._upgrade)

    def _write_note(self, note: dict[str, Any]) -> None:
        atomic.write(self._upgrade, json.dumps(note, indent=1, sort_keys=True).encode(), 0o600)
        atomic.sync_directory(self.state)
        self.note = note


def restore_sqlite(copy: str, path: str) -> None:
    """Puts a copy in the place of a database in one step; what belongs to the database that goes, goes first."""
    mode = os.stat(path).st_mode & 0o777 if os.path.exists(path) else 0o600
    with open(copy, "rb") as file:
        draft = atomic.stage(path, file.read(), mode)
    for leftover in LEFTOVERS:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + leftover)
    os.rename(draft, path)
    atomic.sync_directory(os.path.dirname(path))


def restore_postgresql(run_command: RunCommand, address: str, password: str, copy: str) -> None:
    """Puts a dump in the place of the hub's tables in one transaction: all of it happens, or nothing does."""
    environment = {"PGPASSWORD": password} if password else {}
    connection = ["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={address}"]

    def run(*command: str) -> str:
        status, out, err = run_command(list(command), environ_update=environment)
        if status != 0:
            raise Failure(f"{command[0]} failed, the database is as it was: {(err or out).strip()}")
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


def own_entries(listing: str, schema: str, owner: str) -> str:
    """Of a dump's table of contents what the hub's role owns in its schema.

    The rest is not the hub's to restore: the schema itself, extensions, others' default privileges.
    """
    entry = re.compile(rf"\d+; \d+ \d+ (?!DEFAULT ACL )[A-Z ]+ {re.escape(schema)} .+ {re.escape(owner)}")
    return "".join(f"{line}\n" for line in listing.splitlines() if entry.fullmatch(line))


def _drop_new_setting(path: str) -> None:
    """Programs of PostgreSQL 17 begin what they restore with a setting that older servers refuse."""
    with open(path, "rb") as file:
        head, name, objects = file.read().partition(b"\n-- Name: ")
    with open(path, "wb") as file:
        file.write(head.replace(b"SET transaction_timeout = 0;\n", b"") + name + objects)


def _json(path: str) -> dict[str, Any] | None:
    data = _bytes(path)
    return None if data is None else json.loads(data)


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
