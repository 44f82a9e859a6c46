"""The way back of a hub on demand, from where it is healthy."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.modules import jupyterhub_history
from hubs import NEW, OLD, UNITS, World, execute, play, runner

UNTIL, COPIED = "20261129T100000Z", "20261129T095959Z"
PROGRAM = "/usr/bin/systemd-run"


class Healthy(World):
    """A host whose hub was healthy with the old of everything, and is with the new now."""

    def __init__(self, root: pathlib.Path) -> None:
        super().__init__(root)
        self.present = self.state / "backups/6.1.1-20261129T110000Z.sqlite"
        self.servers = {
            "jupyterhub-user-ada.service": "2026-11-29 09:00:00",
            "jupyterhub-user-eve.service": "2037-01-01 00:00:00",
        }
        old = json.loads((self.state / "healthy.json").read_text())
        self.deploy("hub", "user")
        self.config.write_text("new")
        (self.units / UNITS[0]).write_text("new")
        (self.state / "healthy-config.json").write_text("new")
        self.healthy("6.1.1")
        (self.state / "history").mkdir()
        self.former = self.state / f"history/5.5.4-{UNTIL}.json"
        self.end(old)

    def end(self, state: dict[str, Any], **upgrade: object) -> None:
        self.former.write_text(json.dumps({**state, "config": "old", "upgrade": upgrade}))

    def migrated(self) -> None:
        """The upgrade that ended the old state changed the schema; people came since."""
        copy = self.state / f"backups/5.5.4-{COPIED}.sqlite"
        copy.write_bytes(self.database.read_bytes())
        execute(self.database, "CREATE TABLE new (name TEXT)", "INSERT INTO users VALUES ('bob')")
        state = json.loads(self.former.read_text())
        for key in ("config", "upgrade"):
            del state[key]
        self.end(state, backup=str(copy), database={"kind": "sqlite", "path": str(self.database)}, to_revision="6")

    def run(self, command: list[str], environ_update: dict[str, str] | None = None) -> tuple[int, str, str]:
        if command[0] == PROGRAM:
            self.calls.append(f"program {command[command.index('nbops_jupyterhub.database') + 1]}")
            if "program" in self.events:
                return 1, "", str(self.events["program"]())
            self.present.write_bytes(self.database.read_bytes())
            return 0, f"{self.present}\n", ""
        if command[:2] == ["systemctl", "list-units"]:
            return 0, "".join(f"{name} loaded active running\n" for name in self.servers), ""
        return super().run(command, environ_update or {})

    def properties(self, name: str) -> str:
        started = self.servers.get(name, "2026-11-29 10:00:00")
        return f"{super().properties(name)}\nExecMainStartTimestamp=Sun {started}.000000 UTC"


@pytest.fixture
def world(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Healthy:
    return play(tmp_path, jupyterhub_history.AnsibleModule, monkeypatch, Healthy)


@pytest.fixture
def run(world: Healthy, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    return runner(jupyterhub_history.main, world, capsys)


STOP = "systemctl stop -- jupyterhub.service"
RELOAD = "systemctl daemon-reload"
START = "systemctl start -- jupyterhub-proxy.service jupyterhub.service jupyterhub-culler.service"


def is_new(world: Healthy) -> bool:
    return (world.stores["hub"].current(), world.config.read_text()) == (NEW, "new")


def test_the_states_are_listed(world: Healthy, run: Callable[..., dict]) -> None:
    world.migrated()
    result = run()
    differences = result["history"][0].pop("differences")
    assert result["history"] == [{"until": UNTIL, "version": "5.5.4", "lose_since": COPIED, "problem": ""}]
    assert differences == [
        "the release of hub (with the same packages)",
        "the release of user (with the same packages)",
        "the configuration (config.json)",
        "units (jupyterhub.service)",
    ]
    assert (result["changed"], world.calls) == (False, [])


def test_a_state_is_told_by_packages_and_options_without_their_values(world: Healthy, run: Callable[..., dict]) -> None:
    numbered = {f"p{number}": "1" for number in range(5)}
    for name, packages in ((OLD, {"jupyterlab": "4.4.1", "same": "1"}), (NEW, {"jupyterlab": "4.5.0", "same": "1"})):
        others = {} if name == OLD else numbered
        marker = pathlib.Path(world.stores["user"].directory(name), "release.json")
        marker.write_text(json.dumps({"packages": packages | others}))
    state = json.loads(world.former.read_text())
    spawner = {"cmd": ["same"], "args": ["secret"]}
    world.former.write_text(json.dumps({**state, "config": json.dumps({"Spawner": spawner})}))
    world.config.write_text(json.dumps({"Spawner": {"cmd": ["same"]}, "JupyterHub": {"port": 1}}))
    differences = run()["history"][0]["differences"]
    assert differences[1:3] == [
        "the release of user (jupyterlab 4.4.1, p0 missing, p1 missing, p2 missing, 2 more)",
        "the configuration (JupyterHub.port, Spawner.args)",
    ]


def test_a_state_without_its_release_is_listed_as_out_of_reach(world: Healthy, run: Callable[..., dict]) -> None:
    world.stores["hub"].remove(OLD)
    (state,) = run()["history"]
    assert state["problem"].endswith("which ran at that time, is gone.")
    assert state["differences"][0] == "the release of hub"


def test_a_state_at_another_address_is_out_of_reach(world: Healthy, run: Callable[..., dict]) -> None:
    """nginx would lead to the socket that it lacks."""
    (world.units / "jupyterhub-proxy-unix.socket").write_text("new")
    (state,) = run()["history"]
    assert state["problem"].startswith("jupyterhub had another address then, of which the web server knows nothing")
    before = world.everything()
    assert "cannot go back" in run(state="restored")["msg"]
    assert (world.everything(), world.calls) == (before, [])


def test_releases_units_and_configuration_go_back_and_the_database_stays(
    world: Healthy, run: Callable[..., dict]
) -> None:
    execute(world.database, "INSERT INTO users VALUES ('bob')")
    result = run(state="restored")
    assert result["msg"] == f"JupyterHub 5.5.4 runs again, as until {UNTIL}."
    assert result["restored"]["database"] == ""
    assert execute(world.database, "SELECT name FROM users") == [("ada",), ("bob",)]
    assert {store.current() for store in world.stores.values()} == {OLD}
    assert (world.config.read_text(), (world.units / UNITS[0]).read_text()) == ("old", "old")
    assert (world.calls, world.upgrade.exists()) == ([STOP, RELOAD, START], False)
    assert not run(state="restored")["changed"]


def test_a_state_of_another_schema_is_refused_until_the_loss_is_named(world: Healthy, run: Callable[..., dict]) -> None:
    world.migrated()
    before = world.everything()
    for lost in ("", "yes", UNTIL):
        result = run(state="restored", lose_since=lost)
        assert result["failed"]
        assert result["msg"].endswith(f"If that is meant, say so: lose_since: {COPIED}.")
    assert (world.everything(), world.calls) == (before, [])


def test_a_named_loss_brings_the_copy_back_and_keeps_the_present(world: Healthy, run: Callable[..., dict]) -> None:
    world.migrated()
    result = run(state="restored", lose_since=COPIED)
    assert result["msg"].endswith(f"The database of until now is kept as {world.present}.")
    assert world.is_back()
    assert ("bob",) in execute(world.present, "SELECT name FROM users")
    # The copy does not know who started one since.
    stop_since = "systemctl stop -- jupyterhub-user-eve.service"
    assert world.calls == [STOP, "program copy", stop_since, RELOAD, START]


def test_a_state_that_does_not_come_up_gives_way_to_the_present_one(world: Healthy, run: Callable[..., dict]) -> None:
    world.migrated()

    def come_up_the_second_time() -> None:
        world.starts = world.calls.count(START) > 1

    world.events["systemctl start"] = come_up_the_second_time
    result = run(state="restored", lose_since=COPIED)
    assert result["failed"]
    assert f"did not come up as until {UNTIL}, and runs again as before" in result["msg"]
    assert is_new(world)
    assert ("bob",) in execute(world.database, "SELECT name FROM users")
    assert not world.upgrade.exists()


def test_a_state_that_is_healthy_stays_where_another_unit_does_not_come_up(
    world: Healthy, run: Callable[..., dict]
) -> None:
    world.migrated()

    def only_the_hub_comes_up_at_first() -> None:
        # The hub notes what runs, and the upgrade is over.
        (world.state / "healthy-config.json").write_text("old")
        world.healthy("5.5.4")
        world.upgrade.unlink(missing_ok=True)
        world.starts = world.calls.count(START) > 1

    world.events["systemctl start"] = only_the_hub_comes_up_at_first
    result = run(state="restored", lose_since=COPIED)
    assert result["failed"]
    assert "has become healthy in the meantime" in result["msg"]
    assert world.is_back()


def test_without_a_copy_of_the_present_database_the_hub_only_restarts(world: Healthy, run: Callable[..., dict]) -> None:
    world.migrated()
    world.events["program"] = lambda: "no space left"
    result = run(state="restored", lose_since=COPIED)
    assert (result["failed"], result["msg"]) == (True, "jupyterhub: no space left")
    assert is_new(world)
    assert ("bob",) in execute(world.database, "SELECT name FROM users")
    assert world.calls[-1] == START


@pytest.mark.parametrize("step", ["put_copy", "restore_config", "restore_releases", "restore_units"])
def test_an_interrupted_run_is_completed(
    world: Healthy, run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    world.migrated()

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jupyterhub_history.rollback, step, die)
        with pytest.raises(KeyboardInterrupt):
            run(state="restored", lose_since=COPIED)
    assert run(state="restored", lose_since=COPIED)["changed"]
    assert world.is_back()
    # The copy of the present database was made once, while it still was the present one.
    assert world.calls.count("program copy") == 1
    assert ("bob",) in execute(world.present, "SELECT name FROM users")
    assert not world.upgrade.exists()


def test_half_an_upgrade_is_finished_first(world: Healthy, run: Callable[..., dict]) -> None:
    world.note(to_version="7", backup="")
    before = world.everything()
    assert "half done" in run(state="restored")["msg"]
    assert (world.everything(), world.calls) == (before, [])


@pytest.mark.parametrize(
    ("to", "message"), [("20260101T000000Z", f"It has {UNTIL}; previous is the first."), ("yesterday", "has no state")]
)
def test_a_state_that_is_not_there(world: Healthy, run: Callable[..., dict], to: str, message: str) -> None:
    assert message in run(state="restored", to=to)["msg"]


def test_without_a_history(world: Healthy, run: Callable[..., dict]) -> None:
    world.former.unlink()
    assert run()["history"] == []
    assert "has no history yet" in run(state="restored")["msg"]


def test_check_mode_changes_nothing(world: Healthy, run: Callable[..., dict]) -> None:
    world.migrated()
    before = world.everything()
    result = run(check=True, state="restored", lose_since=COPIED)
    assert result["msg"] == f"JupyterHub 5.5.4 would run again, as until {UNTIL}."
    assert (result["changed"], world.everything(), world.calls) == (True, before, [])


def test_a_way_back_needs_no_copy_to_go_forward_again(world: Healthy, run: Callable[..., dict]) -> None:
    """What was gone back from is a state as well: the newer hub migrates the database again by itself."""
    state = json.loads(world.former.read_text())
    for key in ("config", "upgrade"):
        del state[key]
    world.end(state, demand="20261129T090000Z", backup="/a/copy-20261129T090000Z.sqlite", to_revision="6")
    assert run()["history"][0]["lose_since"] == ""


def test_the_release_of_users_servers_is_noted(world: Healthy, run: Callable[..., dict]) -> None:
    assert not run(state="noted")["changed"]
    world.stores["user"].activate(OLD)
    assert run(check=True, state="noted")["changed"]
    assert world.calls == []
    assert run(state="noted")["changed"]
    assert world.calls == ["program healthy"]


def test_nothing_is_noted_of_half_an_upgrade(world: Healthy, run: Callable[..., dict]) -> None:
    world.stores["user"].activate(OLD)
    world.note(to_version="7", backup="")
    assert not run(state="noted")["changed"]
