"""The way back of a hub whose upgrade failed."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import LEFTOVERS, own_entries
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import MARKER
from ansible_collections.nbops.jupyter.plugins.modules import jupyterhub_rollback
from hubs import ADDRESS, DUMP, NEW, OLD, OURS, PARTS, UNITS, World, execute, play, runner


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return play(tmp_path, jupyterhub_rollback.AnsibleModule, monkeypatch)


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    return runner(jupyterhub_rollback.main, world, capsys)


RELOAD = "systemctl daemon-reload"
STOP = "systemctl stop -- jupyterhub.service"
START = "systemctl start -- jupyterhub-proxy.service jupyterhub.service jupyterhub-culler.service"


def test_without_a_healthy_state_nothing_is_changed(world: World, run: Callable[..., dict]) -> None:
    world.migrate()
    (world.state / "healthy.json").unlink()
    before = world.everything()
    result = run()
    assert not result["changed"]
    assert "has not been healthy before" in result["msg"]
    assert result["restored"] == {"version": "", "database": "", "releases": {}, "units": [], "config": False}
    assert (world.everything(), world.calls) == (before, [])


def test_where_nothing_differs_nothing_is_changed(world: World, run: Callable[..., dict]) -> None:
    before = world.everything()
    result = run()
    assert not result["changed"]
    assert "Nothing differs" in result["msg"]
    assert (world.everything(), world.calls) == (before, [])


def test_the_configuration_alone(world: World, run: Callable[..., dict]) -> None:
    world.config.write_text("new")
    result = run()
    assert result["changed"]
    assert result["msg"] == "JupyterHub 5.5.4 runs again."
    assert result["restored"] == {"version": "5.5.4", "database": "", "releases": {}, "units": [], "config": True}
    assert world.is_back()
    assert world.config.stat().st_mode & 0o777 == 0o600
    assert (world.calls, world.upgrade.exists()) == ([STOP, RELOAD, START], False)
    assert not run()["changed"]


@pytest.mark.parametrize("is_there", [True, False])
def test_the_python_of_the_configuration_alone(world: World, run: Callable[..., dict], is_there: bool) -> None:
    """It failed, or was listed no more, and its directory went with it."""
    world.python.unlink()
    if is_there:
        world.python.write_text("new")
    else:
        world.python.parent.rmdir()
    assert run()["restored"]["config"] is True
    assert world.is_back()
    assert world.python.stat().st_mode & 0o777 == 0o600


def test_a_release(world: World, run: Callable[..., dict]) -> None:
    world.deploy("hub", "user")
    stores = world.stores
    result = run()
    assert result["restored"]["releases"] == {part: stores[part].directory(OLD) for part in ("hub", "user")}
    assert world.is_back()
    # People's connections go through the proxy, which has nothing to do with it.
    assert world.calls == [STOP, RELOAD, START]


def test_the_proxy_stops_for_a_release_of_its_own(world: World, run: Callable[..., dict]) -> None:
    world.deploy("proxy")
    run()
    assert world.is_back()
    assert world.calls == [f"{STOP} jupyterhub-proxy.service", RELOAD, START]


@pytest.mark.parametrize(("name", "stopped"), [(UNITS[0], ""), (UNITS[1], f" {UNITS[1]}")])
def test_a_unit(world: World, run: Callable[..., dict], name: str, stopped: str) -> None:
    (world.units / name).write_text("new")
    assert run()["restored"]["units"] == [name]
    assert world.is_back()
    assert (world.units / name).stat().st_mode & 0o777 == 0o644
    assert world.calls == [STOP + stopped, RELOAD, START]


def test_an_address_that_differs_is_let_go(world: World, run: Callable[..., dict]) -> None:
    (world.units / UNITS[2]).write_text("new")
    assert run()["restored"]["units"] == [UNITS[2]]
    assert world.is_back()
    holder = "jupyterhub-address@jupyterhub-hub.service"
    stop = f"systemctl stop -- {UNITS[2]} {holder} jupyterhub.service jupyterhub-proxy.service"
    assert world.calls == [stop, RELOAD, START]


def test_a_failed_move_to_a_socket_leaves_the_address_where_it_is(world: World, run: Callable[..., dict]) -> None:
    """The web server still leads there, and connections wait."""
    (world.units / UNITS[1]).write_text("new")
    socket = world.units / "jupyterhub-proxy-unix.socket"
    socket.write_text("new")
    run()
    holder = "jupyterhub-address@jupyterhub-proxy-unix.service"
    assert world.calls[0] == f"systemctl stop -- {socket.name} {holder} jupyterhub.service {UNITS[1]}"


def test_a_hub_of_before_takes_its_addresses_itself(world: World, run: Callable[..., dict]) -> None:
    for name in UNITS[:2]:
        (world.units / name).write_text("new")
    note = json.loads((world.state / "healthy.json").read_text())
    note["units"] = {name: "old" for name in UNITS[:2]}
    (world.state / "healthy.json").write_text(json.dumps(note))
    run()
    holders = "jupyterhub-address@jupyterhub-hub.service jupyterhub-address@jupyterhub-proxy.service"
    stop = f"{UNITS[2]} {UNITS[3]} {holders} jupyterhub.service jupyterhub-proxy.service"
    assert world.calls[0] == f"systemctl stop -- {stop}"


def test_what_is_not_to_run_is_not_started(world: World, run: Callable[..., dict]) -> None:
    world.deploy("hub")
    world.disabled = ["jupyterhub-culler.service"]
    run()
    assert world.calls == [STOP, RELOAD, START.rpartition(" ")[0]]


def test_a_migrated_database(world: World, run: Callable[..., dict]) -> None:
    world.migrate()
    world.database.chmod(0o640)
    for leftover in LEFTOVERS:
        pathlib.Path(f"{world.database}{leftover}").write_text("of the database that goes")
    (world.state / "jupyterhub.sqlite.new").write_text("half of an interrupted run")
    result = run()
    assert result["restored"]["database"] == str(world.copy)
    how = f"with the database as it was before the upgrade ({world.copy})"
    assert result["msg"] == f"JupyterHub 5.5.4 runs again, {how}."
    # Before anybody opens it: SQLite would remove the leftovers, or use them.
    assert list(world.state.glob("jupyterhub.sqlite?*")) == []
    assert world.database.read_bytes() == world.copy.read_bytes()
    assert world.database.stat().st_mode & 0o777 == 0o640
    assert world.is_back()
    assert (world.calls, world.upgrade.exists()) == ([STOP, RELOAD, START], False)


def test_a_database_that_is_gone(world: World, run: Callable[..., dict]) -> None:
    world.migrate()
    world.database.unlink()
    assert run()["changed"]
    assert world.is_back()
    assert world.database.stat().st_mode & 0o777 == 0o600


def test_the_files_are_changed_between_stop_and_start(world: World, run: Callable[..., dict]) -> None:
    world.migrate()
    world.config.write_text("new")
    before, seen = world.everything(), []
    world.events["systemctl stop"] = lambda: seen.append(world.everything() == before)
    world.events["systemctl start"] = lambda: seen.append(world.is_back())
    run()
    assert seen == [True, True]


@pytest.mark.parametrize("migrate", [World.migrate, World.migrate_postgresql])
def test_check_mode_changes_nothing(world: World, run: Callable[..., dict], migrate: Callable[[World], None]) -> None:
    migrate(world)
    world.config.write_text("new")
    (world.units / UNITS[1]).write_text("new")
    before = world.everything()
    foretold = run(check=True)
    assert (world.everything(), world.calls) == (before, [])
    result = run()
    assert foretold["msg"].replace("would run", "runs") == result["msg"]
    assert (foretold["changed"], foretold["restored"]) == (result["changed"], result["restored"])


@pytest.mark.parametrize(
    "parts", [(), ("config",), ("hub",), ("user", "proxy"), (UNITS[0],), ("hub", "config", UNITS[1])]
)
def test_check_mode_predicts_the_run(world: World, run: Callable[..., dict], parts: tuple[str, ...]) -> None:
    world.deploy(*(part for part in parts if part in PARTS))
    for path in [world.config] * ("config" in parts) + [world.units / part for part in parts if part in UNITS]:
        path.write_text("new")
    foretold, done = run(check=True), run()
    assert foretold["msg"].replace("would run", "runs") == done["msg"]
    assert (foretold["changed"], foretold["restored"]) == (done["changed"], done["restored"])
    assert done["changed"] is bool(parts)
    assert not run(check=True)["changed"]


def test_a_damaged_note_is_reported_and_is_not_the_lack_of_one(world: World, run: Callable[..., dict]) -> None:
    world.deploy("hub")
    (world.state / "healthy.json").write_text("{")
    result = run()
    assert (result["failed"], result["changed"], world.calls) == (True, False, [])
    assert "restored" not in result


def test_without_an_answer_of_systemd_nothing_is_changed(world: World, run: Callable[..., dict]) -> None:
    world.migrate()
    before = world.everything()
    world.events["systemctl show"] = lambda: "no bus"
    result = run()
    assert (result["failed"], result["changed"], world.calls) == (True, False, [])
    assert "no bus" in result["msg"]
    assert world.everything() == before


def test_all_problems_are_said_before_the_first_change(world: World, run: Callable[..., dict]) -> None:
    world.migrate_postgresql()
    world.deploy("user")
    world.copy.unlink()
    world.stores["hub"].remove(OLD)
    pathlib.Path(world.stores["user"].directory(OLD), MARKER).unlink()
    (world.state / "healthy-config.json").unlink()
    world.programs = set()
    before = world.everything()
    result = run()
    assert result["failed"]
    assert not result["changed"]
    assert result["msg"].splitlines() == [
        "jupyterhub cannot go back to its last healthy state, and nothing was changed:",
        f"{world.stores['hub'].directory(OLD)}, which ran at that time, is gone.",
        f"{world.stores['user'].directory(OLD)}, which ran at that time, is gone.",
        f"{world.state}/healthy-config.json, the configuration of that time, is gone.",
        f"{world.copy}, the copy of the database, is gone.",
        "pg_restore, of the package postgresql-client, is missing.",
        "psql, of the package postgresql-client, is missing.",
    ]
    assert (world.everything(), world.calls) == (before, [])


def test_a_database_that_was_copied_by_hand(world: World, run: Callable[..., dict]) -> None:
    world.deploy("hub")
    world.note(backup="", database={"kind": "mysql"}, to_revision="6")
    result = run()
    assert "Restore the copy that you made, and remove " + str(world.upgrade) in result["msg"]
    assert world.calls == []
    world.upgrade.unlink()
    assert run()["changed"]


def test_what_is_not_ours_is_not_replaced(world: World, run: Callable[..., dict]) -> None:
    link = world.root / "opt/jupyterhub/hub/current"
    link.unlink()
    link.mkdir()
    result = run()
    assert result["failed"]
    assert "is not a link to a release" in result["msg"]
    assert world.calls == []


@pytest.mark.parametrize(
    "step", ["begin", "restore_database", "restore_config", "restore_releases", "restore_units", "finish"]
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_an_interrupted_run_is_completed(
    world: World, run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, step: str, where: str
) -> None:
    world.migrate()
    world.config.write_text("new")
    (world.units / UNITS[1]).write_text("new")
    real = getattr(rollback, step)

    def interrupted(*arguments: object) -> None:
        if where == "after":
            real(*arguments)
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(rollback, step, interrupted)
        failed = run()
    assert (failed["failed"], failed["changed"], failed["msg"]) == (True, True, "no space left")
    complete = (step, where) == ("finish", "after")
    assert run()["changed"] is not complete
    assert world.is_back()
    assert not world.upgrade.exists()


def test_a_restored_database_is_not_restored_again(
    world: World, run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.migrate()
    world.starts = False
    failed = run()
    assert failed["failed"]
    assert "jupyterhub.service is failed after systemctl start (result: oops)" in failed["msg"]
    assert world.is_back()
    # The hub has answered for a moment.
    execute(world.database, "INSERT INTO users VALUES ('eve')")
    world.starts = True
    result = run()
    assert (result["changed"], result["restored"]["database"]) == (True, "")
    assert execute(world.database, "SELECT name FROM users") == [("ada",), ("eve",)]
    assert not world.upgrade.exists()


@pytest.mark.parametrize("what", ["version", "config"])
def test_a_hub_that_became_healthy_in_the_meantime_stays(world: World, run: Callable[..., dict], what: str) -> None:
    world.migrate()
    world.config.write_text("new")

    def answer() -> None:
        if what == "version":
            world.healthy("6.1.1")
        else:
            (world.state / "healthy-config.json").write_text("new")

    world.events["systemctl stop"] = answer
    result = run()
    assert (result["failed"], result["changed"]) == (True, True)
    assert "has become healthy in the meantime" in result["msg"]
    assert world.stores["hub"].current() == NEW
    assert world.config.read_text() == "new"
    assert ("bob",) in execute(world.database, "SELECT name FROM users")
    assert world.calls == [STOP, START]


def test_postgresql_is_restored_in_one_transaction(world: World, run: Callable[..., dict]) -> None:
    world.migrate_postgresql()
    result = run()
    assert result["restored"]["database"] == str(world.copy)
    connect = f"psql --no-psqlrc --no-password --quiet --set=ON_ERROR_STOP=1 --dbname={ADDRESS}"
    stop, ask, listing, text, restore, _reload, start = world.calls
    assert (stop, start) == (STOP, START)
    assert ask.startswith(f"{connect} --no-align --tuples-only --command=SELECT current_schema()")
    assert listing == f"pg_restore --list {world.copy}"
    directory = text.partition("--use-list=")[2].partition("/list ")[0]
    assert text == f"pg_restore --no-owner --use-list={directory}/list --file={directory}/restore {world.copy}"
    assert restore == f"{connect} --single-transaction --file={directory}/drop --file={directory}/restore"
    assert "SET lock_timeout" in world.files["drop"]
    assert [int(line.partition(";")[0]) for line in world.files["list"].splitlines()] == OURS
    assert not os.path.exists(directory)


def test_a_setting_that_only_new_servers_know_is_left_out(world: World, run: Callable[..., dict]) -> None:
    world.migrate_postgresql()
    run()
    # What a user wrote stays.
    assert world.files["restore"] == DUMP.format("")


def test_the_password_is_in_the_environment_alone(world: World, run: Callable[..., dict]) -> None:
    world.migrate_postgresql()
    result = run()
    assert world.environments == [{"PGPASSWORD": "hunter2"}] * 4
    assert "hunter2" not in json.dumps([result, world.calls, world.files])


def test_without_a_password_there_is_none(world: World, run: Callable[..., dict]) -> None:
    world.migrate_postgresql()
    place = {"kind": "postgresql", "address": ADDRESS, "password": ""}
    world.note(backup=str(world.copy), database=place)
    run()
    assert world.environments == [{}] * 4


@pytest.mark.parametrize("command", ["psql", "pg_restore --list", "pg_restore --no-owner"])
def test_a_restoration_that_fails_can_be_run_again(world: World, run: Callable[..., dict], command: str) -> None:
    world.migrate_postgresql()
    world.events[command] = lambda: "it is locked"
    result = run()
    assert result["failed"]
    assert result["msg"] == f"{command.split()[0]} failed, the database is as it was: it is locked"
    assert world.stores["hub"].current() == NEW
    world.events.clear()
    assert run()["restored"]["database"] == str(world.copy)
    assert world.stores["hub"].current() == OLD
    assert not world.upgrade.exists()


def test_of_a_dump_only_the_hubs_own_is_restored() -> None:
    assert own_entries("1; 2 3 TABLE a.b users o(p", "a.b", "o(p") != ""
    assert own_entries("1; 2 3 TABLE axb users o", "a.b", "o") == ""
    assert own_entries("1; 2 3 TABLE a users other", "a", "her") == ""
