"""Accounts for which a server starts, and the units of servers."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nbops_jupyterhub import accounts
from nbops_jupyterhub.accounts import AccountError
from nbops_jupyterhub.errors import StartError
from tornado.web import HTTPError

UIDS = {"ada": 1000, "eve": 1001, "root": 0, "carol": 1002, "sue": 1003}
GROUPS = {"sue": "sudo"}
SPAWNERS = ["BoundedSystemdSpawner", "SurvivingLocalSpawner"]


@pytest.fixture
def module(hub: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The spawners on a host with these accounts; ada, root and sue are listed."""
    made = dict(UIDS)
    ran: list[list[str]] = []

    def account(name: str) -> SimpleNamespace:
        return SimpleNamespace(pw_name=name, pw_uid=made[name], pw_gid=made[name], pw_dir=f"/home/{name}")

    async def run(command: list[str]) -> tuple[int, bytes]:
        ran.append(command)
        if "/usr/sbin/useradd" in command:
            made[command[-1]] = 1100
            return 0, b""
        return 0, json.dumps({"home": "", "sudo": command[-1] == "carol"}).encode()

    found = importlib.import_module("nbops_jupyterhub.spawner")
    host = SimpleNamespace(getpwnam=account, getpwuid=lambda uid: account({made[name]: name for name in made}[uid]))
    monkeypatch.setattr(found, "pwd", host)
    monkeypatch.setattr(accounts, "pwd", host)
    monkeypatch.setattr(accounts, "_secrets", lambda name: ("", ""))
    monkeypatch.setattr(found, "privilege", lambda account, groups: GROUPS.get(account.pw_name, ""))
    monkeypatch.setattr(found, "is_listed", lambda name, group: name in ("ada", "root", "sue"))
    monkeypatch.setattr(found, "run", run)
    found.ran = ran
    return found


@pytest.fixture
def start(module: Any) -> Callable[..., Any]:
    """Judges the account of a user, as a start does."""

    def start(name: str, covers: bool = True, spawner: str = SPAWNERS[0], **options: object) -> Any:
        async def covered(_name: str) -> bool:
            return covers

        authenticator = SimpleNamespace(covers=covered, admitted={"new"})
        made = getattr(module, spawner)(SimpleNamespace(name=name), authenticator)
        for option, value in options.items():
            setattr(made, option, value)
        return asyncio.run(made.account())

    return start


@pytest.mark.parametrize("spawner", SPAWNERS)
@pytest.mark.parametrize(
    ("name", "covers", "told"),
    [
        ("eve", False, "The account eve of this host is not for the hub"),
        ("root", True, "root of this host belongs to the system"),
        ("carol", True, "carol may become root of this host (sudo lets it"),
        ("sue", True, "sue may become root of this host (it is in the group sudo)"),
        ("new", True, "This host has no account new. Ask"),
        ("carol.service", True, "'carol.service' is no name of an account"),
    ],
)
def test_who_has_no_server(start, spawner: str, name: str, covers: bool, told: str) -> None:
    with pytest.raises(AccountError) as raised:
        start(name, covers, spawner)
    assert told in str(raised.value)
    # The hub's page tells no other error, and counts no other as somebody's who may not.
    assert (isinstance(raised.value, HTTPError), raised.value.status_code) == (True, 403)
    assert raised.value.jupyterhub_message == str(raised.value)


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_who_has_one(start, spawner: str) -> None:
    assert start("ada", spawner=spawner).pw_uid == 1000
    assert start("eve", spawner=spawner).pw_uid == 1001


def test_who_may_become_root_has_one_if_that_is_said_and_they_are_listed(start) -> None:
    assert start("sue", privileged_people=True).pw_uid == 1003
    for name in ("carol", "root"):
        with pytest.raises(AccountError):
            start(name, privileged_people=True)


def test_an_account_is_made_for_who_was_let_in(start) -> None:
    assert start("new", create_accounts=True).pw_uid == 1100
    with pytest.raises(AccountError, match=r"no account other yet\. It is made for other after a login"):
        start("other", create_accounts=True)


@pytest.fixture
def starting(module: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes a spawner of ada's whose unit is started by a function."""

    async def covered(_name: str) -> bool:
        return True

    def starting(started: Callable[..., Any]) -> Any:
        made = module.BoundedSystemdSpawner(SimpleNamespace(name="ada", groups=[]), SimpleNamespace(covers=covered))
        made.notebook_dir, made.readwrite_paths, made.readonly_paths = "", [], []
        monkeypatch.setattr(type(made), "_expand_user_vars", str, raising=False)
        monkeypatch.setattr(type(made), "has_port", False)
        monkeypatch.setattr(module.pwd, "getpwall", list, raising=False)
        monkeypatch.setattr(module.SystemdSpawner, "start", started, raising=False)
        monkeypatch.setattr(importlib.import_module("nbops_jupyterhub.sockets"), "_listens", lambda _path: True)
        return made

    return starting


def test_a_start_waits_until_systemd_has_forgotten_the_server_before(
    module: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, starting
) -> None:
    """With its unit, systemd would remove the environment of the next one."""

    async def systemctl(command: list[str]) -> tuple[int, bytes]:
        ran.append(command)
        if command[1] == "reset-failed":
            # systemd answers before it is done.
            asyncio.get_running_loop().call_later(0.05, unit.unlink)
        return 0, b""

    async def started(_spawner: object) -> None:
        assert not unit.exists()

    ran: list[list[str]] = []
    unit = tmp_path / "jupyterhub-user-ada.service"
    unit.touch()
    monkeypatch.setattr(module.units, "UNITS", tmp_path)
    monkeypatch.setattr(module.units, "run", systemctl)
    asyncio.run(starting(started).start())
    assert ran == [["systemctl", "stop", unit.name], ["systemctl", "reset-failed", unit.name]]


def closed(starting: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, speaks_sockets: bool) -> Any:
    """A spawner of who has chosen a server without network."""

    async def started(_spawner: object) -> None:
        pass

    made = starting(started)
    closing = {"PrivateNetwork": "yes", "InaccessiblePaths": "-/run/nscd"}
    made.profiles, made.user_options = [{"name": "exam", "sandbox": "air_gapped", "closing": closing}], {}
    monkeypatch.setattr(type(made), "speaks_sockets", lambda _self: speaks_sockets)
    return made


def test_what_a_profile_closes_is_added_to_what_is_hidden_anyway(
    module: Any, monkeypatch: pytest.MonkeyPatch, starting
) -> None:
    made = closed(starting, monkeypatch, speaks_sockets=True)
    monkeypatch.setattr(module, "hiding", lambda _home, _people, _shown: {"InaccessiblePaths": ["-/srv/eve"]})
    asyncio.run(made.start())
    properties = made.unit_extra_properties
    assert (properties["PrivateNetwork"], properties["InaccessiblePaths"]) == ("yes", "-/srv/eve -/run/nscd")


def test_a_server_that_would_not_find_the_hub_is_not_started(monkeypatch: pytest.MonkeyPatch, starting) -> None:
    made = closed(starting, monkeypatch, speaks_sockets=False)
    with pytest.raises(StartError, match="This profile needs JupyterHub 6 or newer in both environments"):
        asyncio.run(made.start())


def test_a_server_that_ends_at_once_is_told_at_once(module: Any, starting) -> None:
    """SystemdSpawner asks every second until the time for the start is over."""

    async def started(spawner: Any) -> None:
        while await spawner.poll() is not None:
            pass

    made = starting(started)
    made.status = 1
    with pytest.raises(StartError) as raised:
        asyncio.run(made.start())
    assert raised.value.jupyterhub_message.endswith("look at: journalctl --unit=jupyterhub-user-ada.service")
    assert asyncio.run(made.poll()) == 1


@pytest.mark.parametrize("ends", [True, False])
def test_a_start_ends_when_the_server_listens_or_has_ended(
    module: Any, monkeypatch: pytest.MonkeyPatch, starting, ends: bool
) -> None:
    async def started(_spawner: object) -> None:
        pass

    def listens(path: str) -> bool:
        assert path == made.socket
        looks.append(path)
        made.status = 1 if ends else None
        return not ends and len(looks) == 2 * sockets.LOOKS

    looks: list[str] = []
    made = starting(started)
    sockets = importlib.import_module("nbops_jupyterhub.sockets")
    monkeypatch.setattr(sockets, "_listens", listens)
    monkeypatch.setattr(sockets, "INTERVAL", 0)
    if ends:
        with pytest.raises(StartError, match="ended before it was ready"):
            asyncio.run(made.start())
    else:
        asyncio.run(made.start())
    assert len(looks) == (1 if ends else 2) * sockets.LOOKS


@pytest.mark.parametrize("has_port", [True, False])
def test_a_start_asks_systemd_once_before_the_server(
    module: Any, monkeypatch: pytest.MonkeyPatch, has_port: bool, starting
) -> None:
    """Each transient unit takes its part of the time in which somebody waits."""

    async def hold(unit: str, socket: str) -> int:
        assert socket == made.socket
        held.append(unit)
        return 40000

    async def started(_spawner: object) -> tuple[str, int]:
        assert [command[-2:] for command in module.ran] == [["--", "ada"]]
        assert "--directory=/run/jupyterhub-sockets/ada" in module.ran[0]
        assert held == (["jupyterhub-port-ada.service"] if has_port else [])
        assert [word for word in module.ran[0] if "--path" in word] == ["--path=/srv/a", "--path=/srv/c"]
        return "127.0.0.1", 1

    held: list[str] = []
    made = starting(started)
    monkeypatch.setattr(importlib.import_module("nbops_jupyterhub.ports"), "hold", hold)
    made.readwrite_paths, made.readonly_paths = ["/srv/a", "-/srv/b"], ["+/srv/c", "+-/d"]
    monkeypatch.setattr(type(made), "has_port", has_port)
    socket = "http+unix://%2Frun%2Fjupyterhub-sockets%2Fada%2Fserver.sock"
    assert asyncio.run(made.start()) == ("http://127.0.0.1:40000" if has_port else socket)


def test_shared_folders_are_open_as_far_as_their_people_may(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is away keeps nobody from a server; one among hidden homes is shown."""
    made = module.BoundedSystemdSpawner(SimpleNamespace(name="ada", groups=[]), None)
    made.readwrite_paths, made.readonly_paths = ["/srv/people/mine"], []
    made.shared_folders = ["/srv/shared/course", "/srv/people/course"]
    grace = SimpleNamespace(pw_uid=1001, pw_dir="/srv/people/grace")
    monkeypatch.setattr(type(made), "_expand_user_vars", lambda _spawner, path: path, raising=False)
    monkeypatch.setattr(module.pwd, "getpwall", lambda: [grace], raising=False)
    files = asyncio.run(made._visible_files("/home/ada", []))
    assert files["ReadWritePaths"] == ["/home/ada", "-/srv/shared/course", "-/srv/people/course"]
    assert files["BindPaths"] == ["/home/ada", "-/srv/people/course", "/srv/people/mine"]
    assert files["TemporaryFileSystem"] == ["/srv/people:ro"]


def test_units_are_those_of_the_mapping(module: Any) -> None:
    def spawner(user: str, server: str = "") -> Any:
        return module.BoundedSystemdSpawner(SimpleNamespace(name=user), None, server)

    assert spawner("ada").unit_name == "jupyterhub-user-ada.service"
    assert spawner("ada", "b").unit_name == "jupyterhub-user-ada:b.service"
    found_again = spawner("ada@example.org")
    found_again.load_state({"unit_name": "jupyterhub-user-ada@example.org"})
    assert found_again.unit_name == "jupyterhub-user-ada@example.org.service"
    attacker = spawner("carol.service")
    attacker.load_state({"unit_name": "jupyterhub-user-carol.service"})
    assert attacker.unit_name == "jupyterhub-user-carol.service.service"


def test_who_has_the_number_of_a_server_that_ended_gets_no_signal(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends the own server, and waits until another process has its number, asks the hub to stop the server."""
    made = module.SurvivingLocalSpawner(SimpleNamespace(name="ada"), None)
    owners = {"ada": os.getuid()}
    monkeypatch.setattr(module, "pwd", SimpleNamespace(getpwnam=lambda name: SimpleNamespace(pw_uid=owners[name])))
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        made.pid = process.pid
        owners["ada"] = os.getuid() + 1
        assert not asyncio.run(made._signal(signal.SIGKILL))
        assert process.poll() is None
        owners["ada"] = os.getuid()
        assert asyncio.run(made._signal(0))
        assert asyncio.run(made._signal(signal.SIGKILL))
        assert process.wait() == -signal.SIGKILL
        assert not asyncio.run(made._signal(0))
