"""A hub's upgrades, with real files and a real SQLite; the schema, which needs JupyterHub, is played."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import sqlite3
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from nbops_jupyterhub import copies, database
from nbops_jupyterhub.copies import DatabaseError
from nbops_jupyterhub.database import Hub

# Revisions in their order, and the newest one that a version of JupyterHub knows.
HEADS = {"5.5.4": 5, "6.1.0": 6, "6.1.1": 6}
UNITS = {"jupyterhub.service": "[Service]", "jupyterhub-proxy.service": "[Unit]", "jupyterhub-hub.socket": "[Socket]"}


def ask(path: pathlib.Path, statement: str) -> Any:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        row = connection.execute(statement).fetchone()
        connection.commit()
    return row and row[0]


class World:
    """A host with a hub, whose database says its revision and its users."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.version, self.kind, self.broken = "", "sqlite", False
        self.looks = 0
        self.path = root / "var/lib/jupyterhub/jupyterhub.sqlite"
        self.path.parent.mkdir(parents=True)
        self.config: dict[str, Any] = {"db_url": f"sqlite:///{self.path}"}
        for part in database.ENVIRONMENTS:
            (root / "opt/jupyterhub" / part).mkdir(parents=True)
        (root / database.UNITS).mkdir(parents=True)
        for name, text in UNITS.items():
            (root / database.UNITS / name).write_text(text)

    @property
    def hub(self) -> Hub:
        config = json.dumps({"JupyterHub": self.config}).encode()
        return Hub("jupyterhub", config, self.root, {"01-hooks.py": "x = 1"})

    def deploy(self, version: str) -> None:
        """Releases of a version; the hub is stopped."""
        self.version = version
        for part in database.ENVIRONMENTS:
            link = self.root / "opt/jupyterhub" / part / "current"
            link.unlink(missing_ok=True)
            link.symlink_to(f"releases/{version}")

    def run(self, version: str) -> None:
        """A version becomes healthy; the first one makes the database."""
        self.deploy(version)
        database.prepare(self.hub)
        if not self.path.exists():
            self.make(HEADS[version])
        database.healthy(self.hub)

    def make(self, revision: int) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE state (revision INTEGER, users TEXT)")
            connection.execute("INSERT INTO state VALUES (?, 'ada')", (revision,))
            connection.commit()

    def revision(self, path: pathlib.Path | None = None) -> int:
        return ask(path or self.path, "SELECT revision FROM state")

    def note(self) -> dict[str, Any]:
        return json.loads(self.hub.upgrade.read_bytes())

    def copies(self) -> list[pathlib.Path]:
        return sorted(self.hub.backups.glob("*")) if self.hub.backups.exists() else []


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)

    class Schema:
        def __init__(self, address: str, options: dict[str, Any]) -> None:
            world.looks += 1
            self.kind, self.head = world.kind, str(HEADS[world.version])

        def file(self) -> pathlib.Path:
            return world.path

        def libpq(self) -> tuple[str, str]:
            return "postgresql://hub@db/hub", "hunter2"

        def revision(self) -> str | None:
            return str(world.revision()) if world.path.exists() else None

        def knows(self, revision: str) -> bool:
            return int(revision) <= int(self.head)

        def migrate(self, file: pathlib.Path | None = None) -> None:
            # What SQLite does in the middle of a migration that fails is done.
            ask(file or world.path, "UPDATE state SET revision = 6, users = 'more'")
            if world.broken:
                raise DatabaseError("The database cannot be migrated.")

    monkeypatch.setitem(sys.modules, "nbops_jupyterhub.schema", SimpleNamespace(Schema=Schema))
    monkeypatch.setattr(database.importlib.metadata, "version", lambda name: world.version)
    monkeypatch.setattr(
        copies, "dump_postgresql", lambda address, password, target: target.write_text(f"{address} {password}")
    )
    return world


def test_a_first_start_has_nothing_to_copy(world: World) -> None:
    world.deploy("6.1.1")
    database.prepare(world.hub)
    assert list(world.path.parent.iterdir()) == []


def test_what_is_healthy_is_remembered(world: World) -> None:
    world.run("5.5.4")
    hub = world.hub
    releases = {part: str(world.root / "opt/jupyterhub" / part / "releases/5.5.4") for part in ("hub", "user", "proxy")}
    python = {"01-hooks.py": "x = 1"}
    wanted = {"version": "5.5.4", "releases": releases, "units": UNITS, "python_config": python}
    assert json.loads(hub.healthy.read_bytes()) == wanted
    assert hub.healthy_config.read_bytes() == hub.config
    assert hub.healthy_config.stat().st_mode & 0o777 == 0o600


def test_an_address_that_the_proxy_is_about_to_leave_is_not_remembered(world: World) -> None:
    for unit in ("proxy", "proxy-unix"):
        (world.root / database.UNITS / f"jupyterhub-{unit}.socket").write_text("[Socket]")
    world.run("6.1.1")
    units = json.loads(world.hub.healthy.read_bytes())["units"]
    assert set(units) == {*UNITS, "jupyterhub-proxy-unix.socket"}


def test_a_proxy_that_nothing_runs_any_more_is_not_remembered(world: World) -> None:
    world.config["proxy_class"] = "traefik"
    world.run("6.1.1")
    assert set(json.loads(world.hub.healthy.read_bytes())["releases"]) == {"hub", "user"}


def test_a_start_as_the_last_one_does_not_look_at_the_database(world: World) -> None:
    world.run("5.5.4")
    before = world.looks
    database.prepare(world.hub)
    assert world.looks == before
    world.config = {**world.config, "db_kwargs": {"pool_size": 3}}
    database.prepare(world.hub)
    assert world.looks == before + 1


def test_an_upgrade_copies_the_database_and_migrates_it(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("5.5.4")
    world.deploy("6.1.1")
    database.prepare(world.hub)
    (copy,) = world.copies()
    assert (world.revision(), world.revision(copy)) == (6, 5)
    assert copy.name.startswith("5.5.4-")
    assert (copy.stat().st_mode | copy.parent.stat().st_mode) & 0o077 == 0
    assert world.note() == {
        "backup": str(copy),
        "database": {"kind": "sqlite", "path": str(world.path)},
        "from_revision": "5",
        "from_version": "5.5.4",
        "releases": world.hub.now()["releases"],
        "to_revision": "6",
        "to_version": "6.1.1",
    }
    assert str(copy) in capsys.readouterr().out
    database.healthy(world.hub)
    assert not world.hub.upgrade.exists()
    assert world.copies() == [copy]


def test_a_database_that_came_from_elsewhere_is_copied_too(world: World) -> None:
    world.make(5)
    world.deploy("6.1.1")
    database.prepare(world.hub)
    assert world.copies()[0].name.startswith("revision-5-")
    assert world.note()["from_version"] == ""


def test_a_version_with_the_same_schema_leaves_the_database_alone(world: World) -> None:
    world.run("6.1.0")
    before = world.path.read_bytes()
    world.deploy("6.1.1")
    database.prepare(world.hub)
    assert world.path.read_bytes() == before
    assert not world.hub.upgrade.exists()
    assert world.copies() == []


def test_a_migration_that_fails_leaves_the_database_as_it_was(world: World) -> None:
    world.run("5.5.4")
    before = world.path.read_bytes()
    world.deploy("6.1.1")
    world.broken = True
    with pytest.raises(DatabaseError):
        database.prepare(world.hub)
    assert world.path.read_bytes() == before
    copies_before = world.copies()
    # The service tries again. The copy is of the last healthy state, and one is enough.
    world.broken = False
    database.prepare(world.hub)
    assert (world.revision(), world.copies()) == (6, copies_before)
    assert list(world.path.parent.glob("*.migrating*")) == []


def test_an_upgrade_after_a_rollback_copies_anew(world: World) -> None:
    world.run("5.5.4")
    world.deploy("6.1.1")
    database.prepare(world.hub)
    first = world.note()["backup"]
    # What the module does, when it is interrupted before the releases.
    world.path.write_bytes(pathlib.Path(first).read_bytes())
    world.hub.upgrade.write_text(json.dumps({**world.note(), "rollback": True, "restored": True}))
    ask(world.path, "UPDATE state SET users = 'bob'")
    database.prepare(world.hub)
    note = world.note()
    assert note["backup"] != first
    assert ask(note["backup"], "SELECT users FROM state") == "bob"
    assert {"rollback", "restored"}.isdisjoint(note)


def test_an_older_jupyterhub_is_refused(world: World) -> None:
    world.run("6.1.1")
    world.deploy("5.5.4")
    before = world.path.read_bytes()
    with pytest.raises(
        DatabaseError, match=r"revision 6, which JupyterHub 5\.5\.4 does not know.*at last 6\.1\.1.*backups"
    ):
        database.prepare(world.hub)
    assert world.path.read_bytes() == before
    assert world.copies() == []


def test_an_older_jupyterhub_is_told_which_copy_is_its_own(world: World) -> None:
    world.run("5.5.4")
    world.deploy("6.1.1")
    database.prepare(world.hub)
    world.deploy("5.5.4")
    with pytest.raises(DatabaseError, match=f"at last 6.1.1.*restore {world.copies()[0]}"):
        database.prepare(world.hub)


def test_a_note_about_another_database_is_not_overwritten(world: World) -> None:
    world.run("5.5.4")
    world.deploy("6.1.1")
    database.prepare(world.hub)
    note = world.note()
    world.path = world.root / "other.sqlite"
    world.make(5)
    with pytest.raises(DatabaseError, match="is about another database"):
        database.prepare(world.hub)
    assert (world.note(), world.revision()) == (note, 5)


def test_postgresql_is_dumped_and_migrated_in_its_place(world: World) -> None:
    world.run("5.5.4")
    world.kind = "postgresql"
    world.config = {"db_url": "postgresql+psycopg://hub:hunter2@db/hub"}
    world.deploy("6.1.1")
    database.prepare(world.hub)
    (copy,) = world.copies()
    assert copy.suffix == ".dump"
    assert copy.read_text() == "postgresql://hub@db/hub hunter2"
    assert world.note()["database"] == {
        "kind": "postgresql",
        "address": "postgresql://hub@db/hub",
        "password": "hunter2",
    }
    assert world.hub.upgrade.stat().st_mode & 0o777 == 0o600
    assert world.revision() == 6


def test_other_databases_are_copied_by_hand(world: World) -> None:
    world.run("5.5.4")
    world.kind = "mysql"
    world.deploy("6.1.1")
    with pytest.raises(DatabaseError, match="has to be copied before its upgrade, which you have to do"):
        database.prepare(world.hub)
    assert (world.revision(), world.hub.upgrade.exists()) == (5, False)
    world.hub.copied_by_hand.touch()
    database.prepare(world.hub)
    assert (world.revision(), world.note()["backup"]) == (6, "")
    # The word is good for this upgrade alone.
    database.healthy(world.hub)
    assert not world.hub.copied_by_hand.exists()


def test_five_copies_are_kept(world: World) -> None:
    world.run("5.5.4")
    for _time in range(7):
        ask(world.path, "UPDATE state SET revision = 5")
        world.hub.healthy.unlink()
        world.run("6.1.1")
    assert len(world.copies()) == 5


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, ("sqlite:///jupyterhub.sqlite", {})),
        (b"{}", ("sqlite:///jupyterhub.sqlite", {})),
        (b'{"JupyterHub": {"db_url": "sqlite:///a", "db_kwargs": {"x": 1}}}', ("sqlite:///a", {"x": 1})),
    ],
)
def test_where_the_database_is(config: bytes | None, expected: tuple) -> None:
    assert database.database_of(config) == expected


def history(world: World) -> list[dict[str, Any]]:
    """The former states, the oldest first, of which one may share a second with another."""
    return [json.loads(path.read_bytes()) for path in sorted(world.hub.history.glob("*.json"), key=os.path.getmtime)]


def test_what_ran_before_is_kept_with_the_upgrade_that_ended_it(world: World) -> None:
    world.run("5.5.4")
    assert not world.hub.history.exists()
    world.run("6.1.0")
    (former,) = history(world)
    assert former["version"] == "5.5.4"
    assert former["releases"]["user"].endswith("/5.5.4")
    assert former["config"].encode() == world.hub.config
    assert (former["upgrade"]["backup"], former["upgrade"]["from_revision"]) == (str(world.copies()[0]), "5")
    assert world.hub.history.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in world.hub.history.iterdir()] == [0o600]


def test_a_start_as_the_last_one_adds_nothing_to_the_history(world: World) -> None:
    world.run("6.1.0")
    world.run("6.1.0")
    assert not world.hub.history.exists()


def test_a_configuration_alone_makes_another_state(world: World) -> None:
    world.run("6.1.0")
    before = world.hub.config
    world.config["db_kwargs"] = {"echo": True}
    world.run("6.1.0")
    (former,) = history(world)
    assert (former["config"].encode(), former["upgrade"]) == (before, {})


def test_a_state_that_comes_again_stands_once(world: World) -> None:
    for version in ("6.1.0", "6.1.1", "6.1.0", "6.1.1"):
        world.run(version)
    assert [state["version"] for state in history(world)] == ["6.1.0"]


def test_an_interrupted_note_is_written_once(world: World) -> None:
    world.run("6.1.0")
    world.deploy("6.1.1")
    database.remember_the_former(world.hub, world.hub.now())
    database.healthy(world.hub)
    assert [state["version"] for state in history(world)] == ["6.1.0"]


def test_five_states_are_kept_and_the_copies_that_they_need(world: World) -> None:
    world.run("5.5.4")
    world.run("6.1.0")
    (needed,) = world.copies()
    for number in range(7):
        (world.hub.backups / f"9-2099010{number + 1}T000000Z.sqlite").touch()
    for number in range(4):
        world.config["db_kwargs"] = {"number": number}
        world.run("6.1.0")
    assert len(history(world)) == 5
    assert needed.exists()
    assert len(world.copies()) == 6
    world.config["db_kwargs"] = {}
    world.run("6.1.1")
    assert len(history(world)) == 5
    assert not needed.exists()


@pytest.mark.parametrize(("step", "told"), [("place", {"kind": "sqlite"}), ("copy", None)])
def test_the_way_back_asks_for_place_and_copy(
    world: World, capsys: pytest.CaptureFixture[str], step: str, told: dict[str, str] | None
) -> None:
    world.run("6.1.0")
    database.STEPS[step](world.hub)
    out = capsys.readouterr().out.strip()
    if told:
        assert json.loads(out) == {**told, "path": str(world.path)}
    else:
        assert world.revision(pathlib.Path(out)) == 6


def test_a_refusal_is_one_sentence_in_the_journal(
    world: World, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(hub: Hub) -> None:
        raise DatabaseError(f"{hub.name}: no.")

    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setitem(database.STEPS, "prepare", refuse)
    monkeypatch.setattr(sys, "argv", ["database", "prepare", "--name", "jupyterhub-b"])
    assert database.main() == 1
    assert capsys.readouterr().err == "jupyterhub-b: no.\n"
