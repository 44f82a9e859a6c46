"""People who come to the host from outside."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Callable

import pytest

KEYS = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "keys"
ALWAYS = [
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
    *("-o", "ControlPath=none", "-o", "IdentitiesOnly=yes"),
]

Login = Callable[..., subprocess.CompletedProcess]


def ssh(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["ssh", *ALWAYS, *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


@pytest.fixture
def by_key(address: str) -> Login:
    """Logs in with a key of `keys`, and runs a command."""

    def login(
        name: str, *command: str, key: str = "laptop", text: str = "", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess:
        who = ("-o", "BatchMode=yes", "-i", str(KEYS / key), *options, f"{name}@{address}")
        return ssh(*who, *(command or ["id -un"]), text=text)

    return login


@pytest.fixture
def by_password(address: str) -> Login:
    """Logs in with the password that everybody has, in one try."""

    def login(name: str) -> subprocess.CompletedProcess:
        ways = "PreferredAuthentications=password"
        environment = {"SSH_ASKPASS": str(KEYS / "askpass"), "SSH_ASKPASS_REQUIRE": "force"}
        return ssh("-o", ways, "-o", "NumberOfPasswordPrompts=1", f"{name}@{address}", "id -un", **environment)

    return login


@pytest.fixture
def at_work(address: str) -> Login:
    """Runs a command over the connection that somebody opened by a password before the role came."""

    def run(command: str) -> subprocess.CompletedProcess:
        return ssh("-S", str(KEYS / address), "-o", "ProxyCommand=false", f"guest@{address}", command)

    return run
