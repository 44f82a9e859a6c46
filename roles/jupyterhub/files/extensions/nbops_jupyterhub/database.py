"""The hub's upgrades, with a way back. The hub's unit runs this before each start, and again when the hub answers.

`prepare` copies the database before a newer JupyterHub changes its schema, and changes it. `healthy` remembers what
runs: version, releases, units and configuration, to which the module jupyterhub_rollback goes back when an upgrade
fails. What ran before stays in the history of the hub, to which the module goes back on demand; for that it has the
database copied by `copy`, and asks `place` where it is.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import pathlib
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from nbops_jupyterhub import copies, python_config, state
from nbops_jupyterhub.copies import DatabaseError

ENVIRONMENTS = ("hub", "user", "proxy")
UNITS = "etc/systemd/system"
HUB_UNITS = (
    *("-hub.socket", "-hub-pages.socket", "-proxy.socket", "-proxy-unix.socket", "-proxy-api.socket"),
    *("-proxy.service", ".service"),
)


@dataclass(frozen=True)
class Hub:
    """Where a hub has its things. `python` has the texts that it loads after its configuration, by their names."""

    name: str
    config: bytes
    root: pathlib.Path = pathlib.Path("/")
    python: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> pathlib.Path:
        return self.root / "var/lib" / self.name

    @property
    def healthy(self) -> pathlib.Path:
        return self.directory / "healthy.json"

    @property
    def healthy_config(self) -> pathlib.Path:
        return self.directory / "healthy-config.json"

    @property
    def upgrade(self) -> pathlib.Path:
        return self.directory / "upgrade.json"

    @property
    def backups(self) -> pathlib.Path:
        return self.directory / "backups"

    @property
    def history(self) -> pathlib.Path:
        """What ran before, a file for each state, with the time of its end in the file's name."""
        return self.directory / "history"

    @property
    def copied_by_hand(self) -> pathlib.Path:
        return self.directory / "copied-by-hand"

    def now(self) -> dict[str, Any]:
        """What is about to run, or runs."""
        # With traefik there is no release of a proxy, or one that nothing runs any more.
        parts = ENVIRONMENTS[:2] if "proxy_class" in json.loads(self.config).get("JupyterHub", {}) else ENVIRONMENTS
        current = {part: self.root / "opt" / self.name / part / "current" for part in parts}
        # Those that cannot change without a start of the hub.
        units = [self.root / UNITS / f"{self.name}{part}" for part in HUB_UNITS]
        socket, former = (self.root / UNITS / f"{self.name}{part}" for part in ("-proxy-unix.socket", "-proxy.socket"))
        if socket.exists():
            # It goes once the web server leads to the socket.
            units.remove(former)
        return {
            "version": importlib.metadata.version("jupyterhub"),
            "releases": {part: str(link.resolve()) for part, link in current.items()},
            "units": {unit.name: unit.read_text() for unit in units if unit.exists()},
            "python_config": self.python,
        }


def database_of(config: bytes | None) -> tuple[str, dict[str, Any]]:
    """The address of the database and the options of its engine that a configuration says."""
    hub = json.loads(config or b"{}").get("JupyterHub", {})
    return hub.get("db_url", "sqlite:///jupyterhub.sqlite"), hub.get("db_kwargs", {})


def is_known(hub: Hub, now: dict[str, Any]) -> bool:
    """Whether this JupyterHub has run with this database, so that there is nothing to look at."""
    before = state.read(hub.healthy)
    if not before or hub.upgrade.exists() or not hub.healthy_config.exists():
        return False
    same = before["version"] == now["version"] and before["releases"]["hub"] == now["releases"]["hub"]
    return same and database_of(hub.healthy_config.read_bytes()) == database_of(hub.config)


def prepare(hub: Hub) -> None:
    """Brings the database to this JupyterHub's schema, with a copy of it as it was when the hub last was healthy."""
    now = hub.now()
    if is_known(hub, now):
        return
    from nbops_jupyterhub.schema import Schema  # takes as long as the rest of it

    schema = Schema(*database_of(hub.config))
    revision = schema.revision()
    if revision in (None, schema.head):
        return
    note = state.read(hub.upgrade) or {}
    if not schema.knows(revision):
        raise DatabaseError(downgrade(hub, now["version"], revision, note))
    where = place(schema)
    if note.get("backup") and note["database"] != where:
        raise DatabaseError(
            f"{hub.upgrade} is about another database. Once that is of no use any more, remove the file."
        )
    # One that exists is of the last healthy state; whatever happened since then is no better.
    if not note.get("backup") or note.get("restored"):
        version = (state.read(hub.healthy) or {}).get("version", "")
        note = {"from_version": version, "from_revision": revision, "database": where}
        note["backup"] = copy(hub, schema, version or f"revision-{revision or 'none'}")
    note.update({"to_version": now["version"], "to_revision": schema.head, "releases": now["releases"]})
    state.write_json(hub.upgrade, note)
    print(
        f"The database goes from revision {revision or 'none'} to {schema.head}. The copy: {note['backup'] or 'yours'}"
    )
    migrate(schema)


def place(schema: Any) -> dict[str, str]:
    """Where a copy is to be restored."""
    if schema.kind == "sqlite":
        return {"kind": "sqlite", "path": str(schema.file())}
    if schema.kind == "postgresql":
        address, password = schema.libpq()
        return {"kind": "postgresql", "address": address, "password": password}
    return {"kind": schema.kind}


def stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def copy(hub: Hub, schema: Any, version: str) -> str:
    """Copies the database, and returns where the copy is; an empty text for one that was made by hand."""
    hub.backups.mkdir(mode=0o700, exist_ok=True)
    if schema.kind == "sqlite":
        target = state.free_name(hub.backups, version, stamp(), ".sqlite")
        copies.copy_sqlite(schema.file(), target)
    elif schema.kind == "postgresql":
        target = state.free_name(hub.backups, version, stamp(), ".dump")
        copies.dump_postgresql(*schema.libpq(), target)
    elif hub.copied_by_hand.exists():
        return ""
    else:
        raise DatabaseError(
            f"The database, of the kind {schema.kind}, has to be copied before its upgrade, which you have to do: stop "
            f"{hub.name}.service, copy the database, say so by `touch {hub.copied_by_hand}`, and deploy again. Nothing "
            "was changed."
        )
    return str(target)


def migrate(schema: Any) -> None:
    """Migrates; where that is interrupted, the next start goes on with a database that is whole."""
    if schema.kind != "sqlite":
        # Each step is a transaction, as far as the database can.
        schema.migrate()
        return
    # SQLite cannot: what is migrated is a copy, which then takes the database's place.
    draft = schema.file().with_name(schema.file().name + ".migrating")
    copies.copy_sqlite(schema.file(), draft)
    schema.migrate(draft)
    copies.replace_sqlite(draft, schema.file())


def downgrade(hub: Hub, version: str, revision: str, note: dict[str, Any]) -> str:
    newer = note.get("to_version") or (state.read(hub.healthy) or {}).get("version")
    return (
        f"The database of {hub.name} has revision {revision}, which JupyterHub {version} does not know: a newer one "
        f"has used it{f', at last {newer}' if newer else ''}. There is no way from there, and nothing was changed. "
        f"Deploy the newer one again, or restore {note.get('backup') or f'a copy from {hub.backups}'}."
    )


def remember_the_former(hub: Hub, now: dict[str, Any]) -> None:
    """Puts what ran until now into the history, with the upgrade that ended it; the same state again replaces it."""
    former, config = state.read(hub.healthy), state.read_bytes(hub.healthy_config)
    if not former or config is None or (former, config) == (now, hub.config):
        return
    ended = {**former, "config": config.decode(), "upgrade": state.read(hub.upgrade) or {}}
    hub.history.mkdir(mode=0o700, exist_ok=True)
    for path in hub.history.glob("*.json"):
        if _without_end(state.read(path)) in (_without_end(ended), {**now, "config": hub.config.decode()}):
            state.remove(path)
    state.write_json(state.free_name(hub.history, former["version"], stamp(), ".json"), ended)
    for path in state.surplus(hub.history, "json"):
        state.remove(path)


def _without_end(record: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (record or {}).items() if key != "upgrade"}


def copies_of(hub: Hub) -> set[str]:
    """The copies of the database that the history needs."""
    return {str((state.read(path) or {})["upgrade"].get("backup")) for path in hub.history.glob("*.json")}


def healthy(hub: Hub) -> None:
    """Remembers what runs; an upgrade is over."""
    now = hub.now()
    remember_the_former(hub, now)
    # The configuration first: where only that is new, the state is still one that can be gone back to.
    state.write(hub.healthy_config, hub.config)
    state.write_json(hub.healthy, now)
    state.remove(hub.upgrade)
    state.remove(hub.copied_by_hand)
    needed = copies_of(hub)
    for path in state.surplus(hub.backups, "sqlite|dump"):
        if str(path) not in needed:
            state.remove(path)


def tell_place(hub: Hub) -> None:
    """Prints where the database is, for whoever restores a copy."""
    from nbops_jupyterhub.schema import Schema

    print(json.dumps(place(Schema(*database_of(hub.config)))))


def tell_copy(hub: Hub) -> None:
    """Copies the database, and prints where the copy is."""
    from nbops_jupyterhub.schema import Schema

    print(copy(hub, Schema(*database_of(hub.config)), importlib.metadata.version("jupyterhub")))


STEPS = {"prepare": prepare, "healthy": healthy, "place": tell_place, "copy": tell_copy}


def main() -> int:
    parser = argparse.ArgumentParser(prog="nbops_jupyterhub.database", description=__doc__)
    parser.add_argument("step", choices=list(STEPS))
    parser.add_argument("--name", required=True, help="name of the hub")
    arguments = parser.parse_args()
    credentials = pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"])
    config = (credentials / "config.json").read_bytes()
    python = {pathlib.Path(path).name: text for path, text in python_config.drop_ins(credentials)}
    try:
        STEPS[arguments.step](Hub(arguments.name, config, python=python))
    except (DatabaseError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
