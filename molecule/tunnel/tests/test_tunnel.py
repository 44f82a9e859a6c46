"""Servers that nobody reaches but through SSH, by the lines that the playbook prints at its end."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator

import pytest
import yaml
from notebook_client import NotebookClient
from tunnels import opened

ROOT = pathlib.Path(__file__).resolve().parents[3]
INVENTORIES = ("containers.py", "../tunnel/inventory/hosts.yml")
# What a person's ~/.ssh/config says of keys and hosts.
PERSONAL = f"""
IdentityFile {ROOT}/.cache/ssh/id_ed25519
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
ExitOnForwardFailure yes
ControlPath none
"""


@pytest.fixture(scope="module")
def lines() -> dict[str, list[str]]:
    """What the playbook prints, by host."""
    inventories = [f"--inventory={ROOT}/molecule/inventory/{name}" for name in INVENTORIES]
    run = subprocess.run(
        ["ansible-playbook", *inventories, "nbops.jupyter.jupyterlab", "--tags", "tunnel"],
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    printed = re.findall(r"^ok: \[(\S+)\] => *\n((?:    .*\n)+)", run.stdout, re.MULTILINE)
    return {name: yaml.safe_load(text)["msg"] for name, text in printed if "ssh -N -L" in text}


@pytest.fixture
def follow(host, lines: dict[str, list[str]], tmp_path: pathlib.Path) -> Iterator:
    """Types the line of a server into a shell, and returns where it says that the browser goes."""
    (tmp_path / "config").write_text(PERSONAL)
    (tmp_path / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {tmp_path}/config "$@"\n')
    (tmp_path / "ssh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with contextlib.ExitStack() as stack:

        def run(name: str) -> str:
            line = next(line for line in lines[host.backend.host] if f"# {name}: " in line)
            port = int(shlex.split(line)[3].split(":")[0])
            stack.enter_context(opened(["/bin/sh", "-c", f"exec {line}"], port, env=environment))
            return line.partition(f"# {name}: ")[2]

        yield run


def test_a_cell_runs_through_the_tunnel_to_a_socket(follow) -> None:
    url = follow("lab")
    assert url == "http://localhost:8901/alice/"
    client = NotebookClient(url)
    assert client.login("correct horse battery")
    with client.kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())") == "alice"


def test_a_cell_runs_through_the_tunnel_to_a_port(follow) -> None:
    url = follow("books")
    assert url == "http://localhost:8902/"
    client = NotebookClient(url, token="0123456789abcdef0123456789abcdef")
    with client.kernel() as kernel:
        assert kernel.run("6*7") == "42"


def test_the_classic_interface_is_there_beside_the_other(follow) -> None:
    client = NotebookClient(follow("books"), token="0123456789abcdef0123456789abcdef")
    assert client.get("").url.endswith("/tree")
    for page in ("tree", "lab"):
        assert client.get(page).status_code == 200


def test_nothing_but_ssh_faces_the_network(host, address: str) -> None:
    listeners = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    open_to_all = [line.split()[3] for line in listeners if not line.split()[3].startswith(("127.", "[::1]"))]
    assert {place.rsplit(":", 1)[1] for place in open_to_all} == {"22"}
    assert not host.package("nginx").is_installed
    with socket.socket() as visitor:
        assert visitor.connect_ex((address, 8888)) != 0


def test_a_socket_is_for_its_person_alone(host) -> None:
    ask = "curl --silent --unix-socket /run/jupyterlab/lab.sock http://localhost/alice/login"
    assert host.run(f"runuser -u alice -- {ask}").rc == 0
    assert host.run(f"runuser -u bob -- {ask}").rc != 0
