"""What the module says and does, with a hub and a host in memory."""

from __future__ import annotations

import json
import os
import pathlib

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.host import HostError
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, Group, Host, mark
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.client import ApiError
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import Record
from ansible_collections.nbops.jupyter.plugins.modules import jupyterhub_users

HASH = "$y$j9T$abcdefgh$ijklmnop"
SCOPES = {"admin:users", "admin:groups", "read:servers", "delete:servers"}


class World:
    """A hub and a host; what is done to them, in order."""

    def __init__(self, homes: pathlib.Path) -> None:
        home = homes / "kept"
        home.mkdir()
        os.chown(home, 1002, 1002)
        self.admin, self.scopes = True, set(SCOPES)
        self.records = {"old": Record("old", True, frozenset({"staff"}), ("",))}
        comment = mark("jupyterhub")
        self.host = Host(
            {
                "old": Account("old", 1001, 1001, comment, "/nonexistent/old"),
                "kept": Account("kept", 1002, 1002, comment, str(home), shadow="!", expires="1"),
                "wide": Account("wide", 1004, 1004, comment, "/"),
            },
            {"jupyterhub": Group("jupyterhub", 900, ("old",)), "games": Group("games", 60, ("old",))},
        )
        self.done: list[str] = []
        self.failing: dict[str, Exception] = {}

    def act(self, text: str) -> None:
        self.done.append(text)
        if text in self.failing:
            raise self.failing[text]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> World:
    world = World(tmp_path)

    class Client:
        def __init__(self, url: str, token: str):
            assert (url, token) == ("http://127.0.0.1:8081/hub/api", "token")

        def permissions(self) -> tuple[bool, set[str]]:
            if "permissions" in world.failing:
                raise world.failing["permissions"]
            return world.admin, world.scopes

        def records(self, names: list[str]) -> dict[str, Record]:
            return {name: record for name, record in world.records.items() if name in names}

        def group_names(self) -> set[str]:
            if "group_names" in world.failing:
                raise world.failing["group_names"]
            return {"staff", "empty"}

        def remove(self, name: str, seconds: float) -> None:
            assert seconds == 120
            world.act(f"remove record {name}")

        def carry_out(self, plan: object) -> None:
            world.act("records")

    class Changes:
        def __init__(self, run: object, account_group: str, directory: str, limit: int):
            assert (account_group, directory, limit) == ("jupyterhub", "/var/backups/jupyterhub", 50 * 2**30)

        def lock(self, account: Account) -> None:
            world.act(f"lock {account.name}")

        def clear(self, account: Account, archive: str) -> None:
            world.act(f"clear account {account.name}")

        def establish(self, plan: object, host: Host) -> None:
            world.act("accounts")

    monkeypatch.setattr(jupyterhub_users, "HubClient", Client)
    monkeypatch.setattr(jupyterhub_users, "HostChanges", Changes)
    monkeypatch.setattr(jupyterhub_users, "read_host", lambda names, groups: world.host)
    return world


@pytest.fixture
def run(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "token").write_text("token\n")

    def module(*users: dict, check: bool = False, **options: object) -> dict:
        arguments = {"token_file": str(tmp_path / "token"), "users": users, **options}
        with (
            patch_module_args({**arguments, "_ansible_check_mode": check, "_ansible_diff": True}),
            pytest.raises(SystemExit),
        ):
            jupyterhub_users.main()
        return json.loads(capsys.readouterr().out)

    return module


NEW = {"name": "new", "groups": ["staff", "more"], "unix_groups": ["gpu"], "password_hash": HASH}
BEFORE = """\
new:
  record: none
  account: none
  password: none
old:
  admin: true
  groups: [staff]
  account: ours
  unix_groups: [games, jupyterhub]
kept:
  record: none
  account: ours, locked
  unix_groups: []
"""
AFTER = """\
new Unix groups: [gpu]
new groups: [more]
new:
  admin: false
  groups: [more, staff]
  account: ours
  unix_groups: [gpu, jupyterhub]
  password: as declared
old:
  record: none
  account: ours, locked
  unix_groups: [games]
kept:
  admin: false
  groups: []
  account: ours
  unix_groups: [jupyterhub]
"""


@pytest.mark.parametrize("check", [True, False])
def test_everything_at_once(world: World, run, check: bool) -> None:
    result = run(NEW, {"name": "old", "state": "absent"}, {"name": "kept"}, check=check)
    assert result["changed"]
    assert result["users"] == {"created": ["new", "kept"], "changed": [], "removed": ["old"]}
    assert result["accounts"] == {"created": ["new"], "changed": ["kept", "old"], "removed": []}
    assert (result["groups"], result["unix_groups"], result["archives"]) == (["more"], ["gpu"], [])
    assert (result["diff"][0]["before"], result["diff"][0]["after"]) == (BEFORE, AFTER)
    assert HASH not in json.dumps(result)
    assert world.done == ([] if check else ["remove record old", "lock old", "accounts", "records"])


@pytest.mark.parametrize(
    ("users", "options"),
    [
        pytest.param([NEW], {}, id="new"),
        pytest.param([{"name": "old", "admin": True, "groups": ["staff"]}], {}, id="leaves a group, gets a home"),
        pytest.param([{"name": "old"}], {"manage_groups": False}, id="no administrator any more"),
        pytest.param([{"name": "kept", "password_hash": HASH}], {"manage_admins": False}, id="comes back"),
        pytest.param([{"name": "old", "state": "absent", "home": "delete"}], {}, id="deleted"),
        pytest.param([{"name": "old", "state": "absent"}, {"name": "never", "state": "absent"}], {}, id="locked"),
        pytest.param([{"name": "old"}, {"name": "a@b"}], {"accounts": False}, id="without accounts"),
        pytest.param([{"name": "never", "state": "absent"}], {}, id="nothing"),
    ],
)
def test_check_mode_predicts_the_run(world: World, run, users: list[dict], options: dict) -> None:
    predicted = run(*users, check=True, **options)
    assert world.done == []
    done = run(*users, **options)
    assert predicted == done
    assert done["changed"] is bool(world.done)


def test_nothing_to_do(world: World, run) -> None:
    result = run({"name": "never", "state": "absent"})
    assert (result["changed"], result["diff"], world.done) == (False, [], [])


def test_a_change_before_and_after(world: World, run) -> None:
    world.host.accounts["old"] = Account("old", 1001, 1001, home="/nonexistent/old")
    result = run({"name": "old", "groups": ["empty"], "password_hash": HASH, "unix_groups": ["games"]})
    assert result["users"]["changed"] == result["accounts"]["changed"] == ["old"]
    assert result["groups"] == []
    assert result["diff"][0]["before"] == (
        "old:\n  admin: true\n  groups: [staff]\n  account: of the host\n"
        "  unix_groups: [games, jupyterhub]\n  password: another one\n"
    )
    assert result["diff"][0]["after"] == (
        "old:\n  admin: false\n  groups: [empty]\n  account: of the host\n"
        "  unix_groups: [games, jupyterhub]\n  password: as declared\n"
    )


def test_a_password_is_written_once_and_never_shown(world: World, run, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {
        "name": "old",
        "admin": True,
        "groups": ["staff"],
        "unix_groups": ["games"],
        "password": "correct horse",
    }
    written: list[dict[str, str]] = []
    monkeypatch.setattr(
        jupyterhub_users.HostChanges, "establish", lambda _self, plan, _host: written.append(plan.passwords)
    )
    # An account of somebody else has nothing but its password that could change.
    world.host.accounts["old"] = Account("old", 1001, 1001, home="/nonexistent/old", shadow="!")
    first = run(declared)
    assert first["accounts"]["changed"] == ["old"]
    [[made]] = [passwords.values() for passwords in written]
    assert made.startswith("$")
    assert made not in json.dumps(first)
    assert "correct horse" not in json.dumps(first)
    world.host.accounts["old"] = Account("old", 1001, 1001, home="/nonexistent/old", shadow=made)
    assert not run(declared)["changed"]
    assert run({**declared, "password": "battery staple"}, check=True)["accounts"]["changed"] == ["old"]


def test_administrators_of_the_authenticator(world: World, run) -> None:
    result = run({"name": "old", "groups": ["empty"]}, accounts=False, manage_admins=False)
    assert result["diff"][0]["after"] == "old:\n  admin: true\n  groups: [empty]\n"
    assert "the authenticator says who is one" in run({"name": "old", "admin": True}, manage_admins=False)["msg"]


def test_records_alone(world: World, run) -> None:
    result = run({"name": "a@b"}, {"name": "old", "admin": True}, accounts=False, manage_groups=False)
    assert result["users"] == {"created": ["a@b"], "changed": [], "removed": []}
    assert result["diff"] == [
        {
            "before_header": "users",
            "after_header": "users",
            "before": "a@b:\n  record: none\n",
            "after": "a@b:\n  admin: false\n  groups: []\n",
        }
    ]


def test_a_fresh_host_in_check_mode(world: World, run, warnings: list[str]) -> None:
    world.host = Host({}, {})
    result = run(NEW, check=True, token_file="/nonexistent/token")
    assert result["users"]["created"] == result["accounts"]["created"] == ["new"]
    assert result["groups"] == ["more", "staff"]
    assert result["unix_groups"] == ["jupyterhub", "gpu"]
    assert warnings == []


def test_a_hub_that_does_not_answer(world: World, run, monkeypatch: pytest.MonkeyPatch) -> None:
    # Warnings of one process are told once, whichever test came first.
    warned = []
    monkeypatch.setattr(jupyterhub_users.AnsibleModule, "warn", lambda self, text: warned.append(text))
    world.failing["permissions"] = ApiError("Connection refused")
    result = run(NEW, service="jupyterhub-b.service")
    assert result["failed"]
    assert "Connection refused" in result["msg"]
    assert "journalctl --unit jupyterhub-b.service\nNothing was changed." in result["msg"]
    assert world.done == []
    predicted = run(NEW, {"name": "old"}, check=True)
    assert predicted["users"]["created"] == ["new", "old"]
    assert "Connection refused" in str(warned)


def test_a_hub_that_stops_to_answer_counts_as_one_without_users(world: World, run, warnings: list[str]) -> None:
    world.failing["group_names"] = ApiError("Connection reset")
    assert run({"name": "old", "groups": ["new"]}, check=True)["users"]["created"] == ["old"]
    assert len(warnings) == 1
    assert "Nothing was changed." in run({"name": "old", "groups": ["new"]})["msg"]


@pytest.mark.parametrize(
    ("users", "options", "text"),
    [
        ([{"name": "New"}], {}, "'New': is no name of a Unix account"),
        ([{"name": "games"}], {}, "games: there is a group of this name"),
        ([{"name": "wide"}], {}, "wide: has no home for a server: / belongs to another account."),
        ([NEW], {"token_file": "/nonexistent/token"}, "/nonexistent/token, the hub's token"),
        ([{"name": "wide", "state": "absent", "home": "delete"}], {}, "wide: its home cannot be removed: / belongs"),
    ],
)
def test_what_is_refused(world: World, run, users: list[dict], options: dict, text: str) -> None:
    result = run(*users, **options)
    assert result["failed"]
    assert result["msg"].startswith(text)
    assert result["msg"].endswith("\nNothing was changed.")
    assert not result.get("changed")
    assert world.done == []


@pytest.mark.parametrize("check", [True, False])
def test_a_token_that_may_too_little(world: World, run, check: bool) -> None:
    world.scopes = {"admin:users"}
    assert "lacks: admin:groups, delete:servers, read:servers." in run(NEW, check=check)["msg"]
    assert "lacks: delete:servers, read:servers." in run({"name": "x"}, check=check, manage_groups=False)["msg"]
    world.scopes, world.admin = set(SCOPES), False
    assert run(NEW, check=True)["changed"]
    for users in [{"name": "boss", "admin": True}], [{"name": "old"}]:
        result = run(*users, check=check)
        assert f"administrators ({users[0]['name']}): the service of" in result["msg"]
    world.failing["permissions"] = ApiError("HTTP 403: no", 403)
    assert "The hub refuses the token in /" in run(NEW, check=check)["msg"]
    assert world.done == []


def test_one_who_cannot_go_does_not_keep_others(world: World, run) -> None:
    world.host.accounts["busy"] = Account("busy", 1003, 1003, mark("jupyterhub"), "/nonexistent/busy")
    world.records["busy"] = Record("busy")
    world.failing = {"remove record old": ApiError("still there", 400), "lock busy": HostError("busy: 11")}
    users = [{"name": "old", "state": "absent", "home": "delete"}, {"name": "busy", "state": "absent"}]
    result = run(NEW, *users)
    assert world.done == ["remove record old", "remove record busy", "lock busy", "lock old", "accounts", "records"]
    assert result["failed"]
    assert result["changed"]
    assert result["msg"] == (
        "old: the hub could not remove the user: still there\nbusy: 11\nEverything else is done.\n"
        "The next run goes on from here."
    )
    assert result["users"]["created"] == ["new"]


@pytest.mark.parametrize(
    ("step", "error", "text"),
    [
        ("remove record old", ApiError("gone"), "The hub does not answer at"),
        ("accounts", HostError("useradd: locked"), "useradd: locked"),
        ("records", ApiError("HTTP 400: Invalid username: x", 400), "The hub refuses: HTTP 400: Invalid username"),
    ],
)
def test_failures_on_the_way(world: World, run, step: str, error: Exception, text: str) -> None:
    world.failing = {step: error}
    result = run(NEW, {"name": "old", "state": "absent", "home": "delete"})
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].startswith(text)
    assert world.done[-1] == step


def test_archives_are_named(world: World, run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyterhub_users, "home_problem", lambda account, host: "")
    for name, path in (("old", tmp_path), ("kept", "/nonexistent")):
        world.host.accounts[name] = Account(name, 1001, 1001, mark("jupyterhub"), str(path))
    users = [{"name": name, "state": "absent", "home": "archive"} for name in ("old", "kept")]
    result = run(*users, check=True)
    (archive,) = result["archives"]
    assert pathlib.Path(archive).match("/var/backups/jupyterhub/old-*T*Z.tar.gz")
    assert "old:\n  record: none\n  account: ours, locked, home packed\n" in result["diff"][0]["after"]
    assert result["accounts"]["removed"] == ["old", "kept"]


def test_the_documentation_tells_all_options() -> None:
    options = yaml.safe_load(jupyterhub_users.DOCUMENTATION)["options"]
    assert set(options) == set(jupyterhub_users.ARGUMENT_SPEC)
    assert set(options["users"]["suboptions"]) == set(jupyterhub_users.USERS_SPEC)
    for text in (jupyterhub_users.EXAMPLES, jupyterhub_users.RETURN):
        assert yaml.safe_load(text)


def test_who_may_become_root_is_refused_unless_that_is_wanted(world: World, run) -> None:
    world.host.accounts["root2"] = Account("root2", 1003, 1003, "Root, too", "/nonexistent/root2")
    world.host.groups["sudo"] = Group("sudo", 27, ("root2",))
    told = run({"name": "root2"})["msg"]
    assert "root2: may become root of this host by the group sudo" in told
    assert told.endswith("Nothing was changed.")
    assert run({"name": "root2"}, privileged_groups=True)["changed"]
