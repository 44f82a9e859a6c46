"""What the program says of people's servers, and what it counts. systemd and control groups are fakes."""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

import pytest
import servers
from nbops_jupyterhub import names

SALT = b"salt"
NAMES = ["ada", "ada-b", "ada.b", "-ada", "x41", "ada@example.org", "DOM\\ada", "a:b", "ada_1", "Ada"]


def unit(user: str = "ada", server: str = "", **changes: str) -> servers.Unit:
    return {
        "Id": names.unit("jupyterhub-user", user, server),
        "Description": f"Notebook server of {user}",
        "ActiveState": "active",
        "ActiveEnterTimestamp": "@1700000000",
        "InvocationID": "one",
        "Result": "success",
        "ControlGroup": "/hub.slice/one.service",
        "MemoryCurrent": "1048576",
        "MemoryPeak": "[not set]",
        "MemoryMax": "infinity",
        "CPUUsageNSec": "1500000000",
        "TasksCurrent": "7",
        **changes,
    }


def shown(units: list[servers.Unit], kills: dict[str, Any] | None = None, usage: str = "names") -> list[str]:
    return servers.text(units, kills or {}, {"hubs": ["jupyterhub"], "user_usage": usage}, SALT).splitlines()


def counted(before: dict[str, Any], *units: servers.Unit, killed: int = 0, accounts: bool = True) -> dict[str, Any]:
    return servers.count(before, list(units), ["jupyterhub"], lambda _unit: killed, lambda _user: accounts)


def total(kills: dict[str, Any]) -> int:
    return sum(entry["total"] for entry in kills.values())


@pytest.mark.parametrize("user", NAMES)
@pytest.mark.parametrize("server", ["", "gpu-1", "Big one"])
def test_names_come_back(user: str, server: str) -> None:
    assert servers.person(unit(user, server), ["jupyterhub", "jupyterhub-user"]) == ("jupyterhub", user, server)
    silent = unit(user, server, Description="something else")
    assert servers.person(silent, ["jupyterhub"]) == ("jupyterhub", user, server)


def test_a_long_name_is_told_by_its_description() -> None:
    user = "a" * 230
    assert servers.person(unit(user, "one"), ["jupyterhub"])[1] == user


def test_the_hub_with_the_longer_name_is_it() -> None:
    found = unit(Id="jupyterhub-user-b-user-ada.service")
    assert servers.person(found, ["jupyterhub", "jupyterhub-user-b"]) == ("jupyterhub-user-b", "ada", "")


def test_what_a_server_takes() -> None:
    lines = shown([unit("ada-b", "gpu", MemoryMax="2097152")])
    labels = 'hub="jupyterhub",user="ada-b",server="gpu"'
    assert {line for line in lines if not line.startswith("#")} == {
        'nbops_servers{hub="jupyterhub"} 1',
        f"nbops_server_memory_bytes{{{labels}}} 1048576",
        f"nbops_server_memory_limit_bytes{{{labels}}} 2097152",
        f"nbops_server_cpu_seconds_total{{{labels}}} 1.5",
        f"nbops_server_tasks{{{labels}}} 7",
        f"nbops_server_start_time_seconds{{{labels}}} 1700000000",
    }


@pytest.mark.parametrize("value", ["[not set]", "infinity", "", str(2**64 - 1)])
def test_what_systemd_does_not_know_is_not_told(value: str) -> None:
    assert not [line for line in shown([unit(MemoryCurrent=value)]) if line.startswith("nbops_server_memory_bytes")]


def test_a_server_that_ended_is_not_told() -> None:
    lines = shown([unit(ActiveState="failed")])
    assert [line for line in lines if not line.startswith("#")] == ['nbops_servers{hub="jupyterhub"} 0']


def test_digests_are_nobodys_names_and_stay_the_same() -> None:
    text = "\n".join(shown([unit("ada", "secret plan")], counted({}, unit("ada", "secret plan")), usage="hashed"))
    assert "ada" not in text
    assert "secret" not in text
    assert f'user="{servers.digest(SALT, "ada")}"' in text
    assert servers.digest(SALT, "ada") != servers.digest(b"other", "ada")


def test_without_people_the_hub_is_told() -> None:
    kills = counted({}, unit("ada"), unit("bob"), killed=2)
    lines = shown([unit("ada"), unit("bob")], kills, usage="none")
    assert [line for line in lines if not line.startswith("#")] == [
        'nbops_servers{hub="jupyterhub"} 2',
        'nbops_server_oom_kills_total{hub="jupyterhub"} 4',
    ]


def test_a_server_begins_with_no_kill() -> None:
    """A counter that began with its first kill would have no increase."""
    assert 'nbops_server_oom_kills_total{hub="jupyterhub",user="ada",server=""} 0' in shown([], counted({}, unit()))


def test_kills_are_counted_once_and_outlive_the_server() -> None:
    first = counted({}, unit(), killed=1)
    again = counted(first, unit(), killed=1)
    ended = counted(again)
    anew = counted(ended, unit(InvocationID="two"), killed=2)
    assert [total(kills) for kills in (first, again, ended, anew)] == [1, 1, 1, 3]


def test_a_server_that_a_kill_ended_is_counted() -> None:
    gone = unit(ActiveState="failed", Result="oom-kill", ControlGroup="")
    assert total(counted({}, gone)) == 1
    assert total(counted(counted({}, unit(), killed=1), gone)) == 1


def test_a_server_without_a_kill_is_forgotten_when_it_ends() -> None:
    """Its person chose its name, and may choose others without end."""
    assert counted(counted({}, unit())) == {}


def test_who_has_no_account_any_more_is_forgotten() -> None:
    assert counted(counted({}, unit(), killed=1), accounts=False) == {}


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("hub.slice/one.service/memory.events", "low 0\noom 2\noom_kill 1\n"),
        ("memory/hub.slice/one.service/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
    ],
)
def test_both_kinds_of_control_groups_are_read(tmp_path: pathlib.Path, place: str, content: str) -> None:
    assert servers.killed(unit(), tmp_path) == 0
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(content)
    assert servers.killed(unit(), tmp_path) == 1
    assert servers.killed(unit(ControlGroup=""), tmp_path) == 0


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(servers, "HERE", tmp_path)
    monkeypatch.setattr(servers, "has_account", lambda _user: True)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "salt").write_bytes(SALT)
    (tmp_path / "settings.json").write_text(json.dumps({"hubs": ["jupyterhub"], "user_usage": "names"}))
    return tmp_path


def answering(units: list[servers.Unit], asked: list[list[str]]) -> Any:
    text = "\n\n".join("\n".join(f"{name}={value}" for name, value in one.items()) for one in units)

    def run(command: list[str], **_named: Any) -> Any:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, f"{text}\n")

    return run


def test_one_call_asks_for_all(host: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", answering([unit("ada"), unit("bob")], asked))
    assert servers.main() == 0
    assert [command[-1] for command in asked] == ["jupyterhub-user-*.service"]
    written = (host / servers.OUTPUT).read_text()
    assert 'nbops_servers{hub="jupyterhub"} 2' in written
    assert [(host / name).stat().st_mode & 0o777 for name in (servers.OUTPUT, servers.STATE)] == [0o644, 0o600]


def test_a_state_that_cannot_be_read_is_told(host: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(subprocess, "run", answering([unit("ada")], []))
    (host / servers.STATE).write_text("{")
    assert servers.main() == 0
    assert "kills are counted anew" in capsys.readouterr().err
    assert list(json.loads((host / servers.STATE).read_text())) == ["jupyterhub-user-ada.service"]
