"""The connection is found in the environment of a parent."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.connection import Connection, parse

MODULE = "ansible_collections.nbops.jupyter.plugins.module_utils._ssh.connection"
FIND = f"import {MODULE} as module; print(module.current())"


def test_an_environment_is_understood() -> None:
    assert parse(b"A=1\0SSH_CONNECTION=fe80::1%eth0 50000 10.0.0.1 2222\0B=2") == Connection(
        "fe80::1", 50000, "10.0.0.1", 2222
    )
    assert parse(b"SSH_CONNECTION=\0SSH_CLIENT=10.0.0.1 1 2") is None


def test_it_is_found_behind_programs_that_clean_the_environment() -> None:
    command = ["sh", "-c", f"env --unset SSH_CONNECTION sh -c '{sys.executable} -c \"{FIND}\"; true'; true"]
    environment = {"SSH_CONNECTION": "192.0.2.9 50000 192.0.2.1 22", "PYTHONPATH": ":".join(sys.path)}
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(Connection("192.0.2.9", 50000, "192.0.2.1", 22))
