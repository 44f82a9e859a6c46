"""A host with a hub, with real files and a real SQLite; systemd and PostgreSQL are played."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore
from running import result_of

OLD, NEW = "a" * 12, "b" * 12
PARTS = rollback.ENVIRONMENTS
UNITS = ("jupyterhub.service", "jupyterhub-proxy.service", "jupyterhub-hub.socket", "jupyterhub-proxy.socket")
ADDRESS = "postgresql://hub@db/hub"
LISTING = """\
;
; Archive created at 2026-01-01 00:00:00 UTC
;
4; 2615 2200 SCHEMA - public pg_database_owner
2; 3079 16390 EXTENSION - pg_trgm
215; 1259 16386 TABLE public users hub
216; 1259 16387 TABLE public others postgres
217; 1259 16388 TABLE elsewhere users hub
3371; 0 16386 TABLE DATA public users hub
3402; 0 0 SEQUENCE SET public users_id_seq hub
3208; 2606 16395 CONSTRAINT public users users_pkey hub
2066; 826 16400 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES hub
"""
OURS = [215, 3371, 3402, 3208]
SET = "SET transaction_timeout = 0;"
DUMP = f"{{}}SET row_security = off;\n\n--\n-- Name: users; Type: TABLE DATA\n--\n\nCOPY users FROM stdin;\n{SET}\n"


def execute(path: pathlib.Path, *statements: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = [database.execute(statement).fetchall() for statement in statements]
        database.commit()
    return rows[-1]


class World:
    """A host with a hub that was healthy with the old of everything."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.state, self.config = root / "lib/jupyterhub", root / "config.json"
        self.database, self.copy = self.state / "jupyterhub.sqlite", self.state / "backups/5.5.4.sqlite"
        self.upgrade = self.state / "upgrade.json"
        self.stores = {part: ReleaseStore(str(root / "opt/jupyterhub" / part)) for part in PARTS}
        for part, store in self.stores.items():
            for name in (NEW, OLD):
                assert store.begin(name) == name, part
                store.finish(name, {})
                store.activate(name)
        self.copy.parent.mkdir(parents=True)
        execute(self.database, "CREATE TABLE users (name TEXT)", "INSERT INTO users VALUES ('ada')")
        self.units = root / "systemd"
        self.units.mkdir()
        for name in UNITS:
            (self.units / name).write_text("old")
        self.config.write_text("old")
        self.python = root / "python_config/01-hooks.py"
        self.python.parent.mkdir()
        self.python.write_text("old")
        (self.state / "healthy-config.json").write_text("old")
        self.healthy("5.5.4")
        self.starts, self.disabled = True, []
        self.programs = {"psql", "pg_restore"}
        self.calls: list[str] = []
        # By the beginning of a command what happens meanwhile; a text is its complaint.
        self.events: dict[str, Callable[[], str | None]] = {}
        self.environments: list[dict[str, str]] = []
        self.files: dict[str, str] = {}

    def healthy(self, version: str) -> None:
        releases = {part: store.directory(store.current()) for part, store in self.stores.items()}
        units = {name: (self.units / name).read_text() for name in UNITS}
        state = {"version": version, "releases": releases, "units": units, "python_config": {self.python.name: "old"}}
        (self.state / "healthy.json").write_text(json.dumps(state))

    def note(self, **values: object) -> None:
        self.upgrade.write_text(json.dumps(values))

    def deploy(self, *parts: str) -> None:
        for part in parts:
            self.stores[part].activate(NEW)

    def migrate(self) -> None:
        """The new hub has begun to use the database, and did not get far."""
        self.deploy("hub")
        self.copy.write_bytes(self.database.read_bytes())
        execute(self.database, "CREATE TABLE new (name TEXT)", "INSERT INTO users VALUES ('bob')")
        place = {"kind": "sqlite", "path": str(self.database)}
        self.note(backup=str(self.copy), database=place, to_revision="6", to_version="6.1.1")

    def migrate_postgresql(self) -> None:
        self.deploy("hub")
        self.copy.write_text("a dump")
        place = {"kind": "postgresql", "address": ADDRESS, "password": "hunter2"}
        self.note(backup=str(self.copy), database=place, to_revision="6")

    def everything(self) -> dict[str, str | bytes]:
        """The host's files and links."""
        found = {}
        for path in self.root.rglob("*"):
            if path.is_symlink() or path.is_file():
                found[str(path)] = os.readlink(path) if path.is_symlink() else path.read_bytes()
        return found

    def is_back(self) -> bool:
        """Whether all is as it was when the hub was healthy."""
        links = {store.current() for store in self.stores.values()}
        tables = execute(self.database, "SELECT name FROM sqlite_master")
        users = execute(self.database, "SELECT name FROM users")
        files = {path.read_text() for path in (self.config, self.python, *self.units.iterdir())}
        return (links, files, tables, users) == ({OLD}, {"old"}, [("users",)], [("ada",)])

    def run(self, command: list[str], environ_update: dict[str, str]) -> tuple[int, str, str]:
        """Takes the place of run_command."""
        text = " ".join(command)
        if command[0] in ("psql", "pg_restore"):
            self.environments.append(environ_update)
            for word in command:
                name, _equals, path = word.partition("=")
                if name in ("--file", "--use-list") and os.path.exists(path):
                    self.files[os.path.basename(path)] = pathlib.Path(path).read_text()
        if command[:2] not in (["systemctl", "show"], ["systemctl", "reset-failed"]):
            self.calls.append(text)
        complaint = next((event() for start, event in self.events.items() if text.startswith(start)), None)
        if complaint:
            return 1, "", f"{complaint}\n"
        if command[:2] == ["systemctl", "show"]:
            return 0, "\n\n".join(self.properties(name) for name in command[command.index("--") + 1 :]), ""
        if text.startswith("psql") and "--command=" in text:
            return 0, "public\nhub\n", ""
        if text.startswith("pg_restore --list"):
            return 0, LISTING, ""
        if text.startswith("pg_restore"):
            pathlib.Path(text.partition("--file=")[2].partition(" ")[0]).write_text(DUMP.format(f"{SET}\n"))
        return 0, "", ""

    def properties(self, name: str) -> str:
        state, enabled = "active" if self.starts else "failed", "disabled" if name in self.disabled else "enabled"
        return f"ActiveState={state}\nUnitFileState={enabled}\nResult=oops"


def play(root: pathlib.Path, module: type, monkeypatch: pytest.MonkeyPatch, kind: type[World] = World) -> World:
    """A world of a kind, whose programs a module runs."""
    monkeypatch.setattr(rollback, "STATE", str(root / "lib"))
    monkeypatch.setattr(rollback, "UNITS", str(root / "systemd"))
    monkeypatch.setattr(rollback, "APPLICATIONS", str(root / "opt"))
    world = kind(root)
    monkeypatch.setattr(module, "run_command", lambda _self, *command, **options: world.run(*command, **options))
    monkeypatch.setattr(module, "get_bin_path", lambda _self, name: name if name in world.programs else None)
    return world


def runner(main: Callable[[], None], world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Runs a module in a world, and returns its result."""

    def module(check: bool = False, **options: str) -> dict[str, Any]:
        arguments = {"name": "jupyterhub", "config": str(world.config), "_ansible_check_mode": check, **options}
        return result_of(main, arguments, capsys)

    return module
