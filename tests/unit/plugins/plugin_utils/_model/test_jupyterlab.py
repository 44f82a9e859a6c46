"""What becomes of JupyterLab instances. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any

import pytest
from models import GOLDEN, plan, problems, require_golden, require_words, secrets

LAB = {"name": "lab", "user": "alice", "password": "correct horse\nbattery"}
ALICE = {
    "name": "alice",
    "user": "alice",
    "password_hash": "argon2:$argon2id$v=19$m=10240,t=10,p=8$c2FsdA$aGFzaA",
    "root_dir": "/srv/notebooks",
    "listen": "[::1]:8889",
    "base_url": "/alice/",
    "default_url": "/tree",
    "packages": ["notebook", "pandas>=2"],
    "config": {"ServerApp": {"allow_origin": "https://example.org"}, "Unmapped": {}},
    "python_config": [str(GOLDEN.parent / "models.py")],
    "settings": {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}},
    "environment": {"PROJECT": 'a "b" 100% \\', "THREADS": 4},
    "terminals": False,
    "cull_idle_seconds": 3600,
    "upload_limit_mb": 64,
    "memory_max": "2G",
    "cpu_quota": "150%",
    "tasks_max": 500,
    "unit": {"Service": {"Nice": 5, "TimeoutStopSec": 60}},
}
BOB = {"name": "bob", "user": "bob", "token": "0123456789abcdef", "listen": "0.0.0.0:8888", "certificate": "a.org"}
CAROL = {"name": "carol", "user": "carol", "token": "0123456789abcdef", "listen": "unix", "sandbox": "air_gapped"}
MAXIMAL = {
    "jupyterlab_instances": [ALICE, BOB, CAROL, {"name": "old", "state": "absent"}],
    "jupyterlab_path": "/srv/jupyterlab",
    "jupyterlab_packages": ["pandas"],
    "jupyterlab_socket_group": "web",
    "jupyterlab_legacy_setup": {"units": ["jupyter.service"], "files": ["/etc/nginx/x"], "processes_of": ["alice"]},
    "python_venv_installer": "pip",
    "python_venv_index_url": "https://user:hunter2@packages.example.org/simple",
    "systemd_sandbox_profiles": {"mine": {"NoNewPrivileges": True}},
}


def lab(**changes: Any) -> dict[str, Any]:
    return {"jupyterlab_instances": [{**LAB, **changes}]}


def test_the_plan_of_one_server() -> None:
    require_golden("jupyterlab-minimal", plan("jupyterlab", lab()))


def test_the_plan_of_servers_that_say_everything() -> None:
    require_golden("jupyterlab-maximal", plan("jupyterlab", MAXIMAL, {"homes": {"alice": "/home/a l", "bob": "/b"}}))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("jupyterlab", MAXIMAL)


def test_a_plan_holds_no_secret() -> None:
    text = json.dumps(plan("jupyterlab", MAXIMAL))
    assert [word for word in ("hunter2", "c2FsdA", BOB["token"]) if word in text] == []


def test_own_paths_are_added_to_those_of_the_server() -> None:
    own = {"BindReadOnlyPaths": "/run/postgresql", "ReadWritePaths": None, "Nice": 5, "Restart": "no"}
    service = plan("jupyterlab", lab(unit={"Service": own}))["units"][-1]["sections"]["Service"]
    assert service["BindReadOnlyPaths"] == ["/opt/jupyterlab", "/run/jupyterlab/lab.sock", "/run/postgresql"]
    assert (service["ReadWritePaths"], service["Nice"], service["Restart"]) == (None, 5, "no")


@pytest.mark.parametrize("bound", ["/people/shared", ["-/people/shared", "/srv/x"], "/srv/x:/people/shared:norbind"])
def test_what_an_entry_binds_between_homes_stays_visible(bound: str | list[str]) -> None:
    host = {"passwd": {"eve": ["x", "1002", "1002", "", "/people/eve", "/bin/bash"]}}
    made = plan("jupyterlab", lab(unit={"Service": {"BindPaths": bound}}), host)
    service = made["units"][-1]["sections"]["Service"]
    assert (service["TemporaryFileSystem"], "InaccessiblePaths" in service) == (["/people:ro"], False)


def test_of_all_homes_a_server_sees_its_own_alone() -> None:
    passwd = {
        "root": ["x", "0", "0", "root", "/root", "/bin/bash"],
        "backup": ["*", "34", "34", "backup", "/backups/daily", "/usr/sbin/nologin"],
        "alice": ["x", "1000", "1000", "", "/srv/people/alice", "/bin/bash"],
        "bob": ["x", "1001", "1001", "", "/srv/people/bob", "/bin/bash"],
        "eve": ["x", "1002", "1002", "", "/export/home/eve", "/bin/bash"],
    }
    host = {"homes": {"alice": "/srv/people/alice"}, "passwd": passwd}
    service = plan("jupyterlab", lab(root_dir="/srv/notebooks"), host)["units"][-1]["sections"]["Service"]
    assert service["TemporaryFileSystem"] == ["/srv/people:ro"]
    assert service["InaccessiblePaths"] == ["-/export/home"]
    assert service["BindPaths"] == ["/srv/people/alice", "/srv/notebooks"]


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": "127.0.0.1:1"},
        {"listen": "[::1]:65535"},
        {"listen": "localhost:8888"},
        {"listen": "unix", "sandbox": "air_gapped"},
        {"listen": "unix", "sandbox": "no_loopback"},
        {"listen": "0.0.0.0:1", "accept_risks": ["plain_http"]},
        {"listen": "0.0.0.0:1024", "certificate": "lab.example.org"},
        {"cull_idle_seconds": "0", "tasks_max": "0", "upload_limit_mb": "1"},
        {"root_dir": "/srv/notebooks"},
        {"memory_max": "128M", "tasks_max": 32},
        {"name": "a" * 31},
        {"user": "a" * 32},
        {"password": "a" * 8},
        {"config": {"Unmapped": {}}},
        {"environment": {"PATH": "/opt/tex/bin:/usr/bin:/bin", "THREADS": 4, "EMPTY": ""}},
        {"state": "absent", "user": "root"},
    ],
)
def test_what_is_right_passes(changes: dict[str, Any]) -> None:
    assert problems("jupyterlab", lab(**changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"listen": "127.0.0.1:0"},
        {"listen": "127.0.0.1:65536"},
        {"listen": "127.0.0.1"},
        {"listen": "8888"},
        {"listen": "127.0.0.1:8888", "sandbox": "air_gapped"},
        {"listen": "127.0.0.1:8888", "sandbox": "no_loopback"},
        {"listen": "0.0.0.0:8888"},
        {"listen": "0.0.0.0:1023", "certificate": "lab.example.org"},
        {"cull_idle_seconds": -1},
        {"tasks_max": -1},
        {"tasks_max": 31},
        {"memory_max": "127M"},
        {"memory_max": 2},
        {"user": "Alice"},
        {"password": 134217727},
        {"password": 12345678.5},
        {"password": True},
        {"upload_limit_mb": 0},
        {"name": "a" * 32},
        {"user": "a" * 33},
        {"password": "a" * 7},
        {"sandbox": "loose"},
        {"config": {"JupyterApp": {}}},
        {"environment": {"API_TOKEN": "x"}},
        {"unit": {"Service": "Nice=5"}},
        {
            "listen": "0.0.0.0:8888",
            "certificate": "lab.example.org",
            "environment": {"LD_LIBRARY_PATH": "/home/alice/lib"},
        },
    ],
)
def test_what_is_wrong_is_told_once(changes: dict[str, Any]) -> None:
    assert len(problems("jupyterlab", lab(**changes))) == 1


@pytest.mark.parametrize("key", ["name", "user", "base_url", "default_url", "root_dir", "memory_max", "cpu_quota"])
def test_nothing_hides_behind_a_line_end(key: str) -> None:
    right = {**LAB, "base_url": "/", "default_url": "/lab", "root_dir": "/srv/a", "memory_max": "2G", "cpu_quota": "9%"}
    assert problems("jupyterlab", {"jupyterlab_instances": [{**right, key: f"{right[key]}\n"}]})


@pytest.mark.parametrize("secret", ["password", "password_hash", "token"])
def test_a_secret_is_never_repeated(secret: str) -> None:
    without = {key: value for key, value in LAB.items() if key != "password"}
    (told,) = problems("jupyterlab", {"jupyterlab_instances": [{**without, secret: "hunt~2"}]})
    assert "hunt~2" not in told


def test_a_stored_hash_stays_while_it_matches() -> None:
    path = "/etc/jupyterlab/lab/config.json"
    first = secrets("jupyterlab", lab())[path]
    stored = {"__jupyterlab_name": "lab", "content": base64.b64encode(json.dumps(first).encode()).decode()}
    assert secrets("jupyterlab", lab(), {"stored": [stored]})[path] == first
    assert secrets("jupyterlab", lab(password="another horse"), {"stored": [stored]})[path] != first
    assert secrets("jupyterlab", lab(), {"stored": [{"__jupyterlab_name": "lab", "msg": "file not found"}]})[path]


def test_a_token_and_a_hash_open_a_server_as_they_are() -> None:
    found = secrets("jupyterlab", MAXIMAL)
    assert found["/etc/jupyterlab/alice/config.json"]["PasswordIdentityProvider"] == {
        "hashed_password": ALICE["password_hash"],
        "password_required": True,
        "token": "",
    }
    assert found["/etc/jupyterlab/bob/config.json"]["PasswordIdentityProvider"] == {
        "token": BOB["token"],
        "password_required": False,
    }


def test_root_starts_programs_by_their_paths() -> None:
    """What hands the certificate over runs as root, with a PATH that has the person's own programs."""
    units = plan("jupyterlab", {"jupyterlab_instances": [BOB]})["units"]
    service = next(unit for unit in units if unit["name"] == "jupyterlab-bob.service")["sections"]["Service"]
    commands = [service[name].removeprefix("+") for name in ("ExecStartPre", "ExecReload", "ExecStopPost")]
    script = shlex.split(commands[0])
    assert script[:2] == ["/bin/sh", "-ec"]
    started = [step.split()[0] for step in script[2].split(";")] + [commands[2].split()[0]]
    assert [program for program in started if not program.startswith("/")] == ["umask"]
