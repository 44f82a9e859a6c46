"""An upgrade brings a node what servers need before the hub changes, and servers there have what the hub has."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from collections.abc import Callable

import pytest
from hub_client import HubClient
from notebook_client import NotebookClient
from playbook import inventory_options, run_ansible

OPTIONS = inventory_options("inventory/hub.yml", "slurm/inventory/hosts.yml")
LOCK = pathlib.Path(__file__).parents[3] / "roles/jupyterhub/files/hub.txt"
CURRENT = "/opt/jupyterhub/user/current"
HAS_COWSAY = "import importlib.util; print(importlib.util.find_spec('cowsay') is not None)"

Upgrade = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def node(other):
    return other("slurm-node1")


@pytest.fixture
def upgrade(host, tmp_path) -> Upgrade:
    """Runs the playbook with some variables beside those of the inventory, and visits as bob."""
    # The host finds its own name, as by DNS.
    host.check_output("grep --quiet hub.example.org /etc/hosts || echo 127.0.0.1 hub.example.org >>/etc/hosts")

    def run(**variables: object) -> subprocess.CompletedProcess[str]:
        named = {"jupyter_verify_user": "bob", "jupyter_verify_password": "correct horse battery"}
        file = tmp_path / "variables.json"
        file.write_text(json.dumps({**named, **variables}))
        return run_ansible("nbops.jupyter.upgrade", *OPTIONS, f"--extra-vars=@{file}")

    return run


def server_of(person: HubClient) -> NotebookClient:
    """The person's server, started where it does not run."""
    return person.enter(person.name) if person.state().get("ready") else person.start()


def job_of(host, name: str) -> str:
    """The number of the job that is a person's server."""
    return host.check_output("squeue --noheader --states=RUNNING --user=%s --format=%%i", name)


def has_cowsay(person: HubClient) -> bool:
    """Whether a server that the person starts now has the package that comes with the upgrade."""
    with person.start().kernel() as kernel:
        told = kernel.run(HAS_COWSAY)
    person.stop()
    return told == "True"


def test_where_the_hub_goes_back_so_do_servers_on_the_node_and_jobs_stay(
    host, node, person, upgrade: Upgrade, tmp_path
) -> None:
    before = node.file(CURRENT).linked_to
    # It installs, and shows its version; only when it runs it misses what it needs for logins.
    broken = tmp_path / "broken.txt"
    broken.write_text(re.sub(r"(?m)^pamela==.*\\\n(    --hash.*\n)+", "", LOCK.read_text()))
    server = server_of(person("ada"))
    with server.kernel() as kernel:
        job = job_of(host, "ada")
        assert kernel.run("six = 6") == ""
        run = upgrade(jupyterhub_lock=str(broken), jupyterhub_user_packages=["cowsay"])
        assert run.returncode == 2, run.stdout
        assert re.search(r"JupyterHub [.0-9]+ runs again", run.stdout), run.stdout
        # The server closes a websocket that nobody reads for so long.
        with server.attach(kernel.identity) as again:
            assert again.run("six * 7") == "42"
    assert job_of(host, "ada") == job
    # The node has both, and the hub says which one counts.
    assert host.file(CURRENT).linked_to == before
    assert node.file(CURRENT).linked_to != before
    assert node.file(before).is_directory
    assert not has_cowsay(person("bob"))
    status = run_ansible("nbops.jupyter.status", *OPTIONS)
    assert re.search(r"nodes +ok +1 node with the packages of the hub's host\.", status.stdout), status.stdout


def test_a_node_keeps_the_release_that_the_hub_runs_however_many_upgrades_fail(host, node, person, tmp_path) -> None:
    ada = person("ada")
    if ada.state():
        ada.stop()
    of_hub = host.file(CURRENT).linked_to
    # A node gets its part of an upgrade first, and the hub may go back each time.
    for package in ("pyjokes", "iniconfig"):
        variables = tmp_path / "variables.json"
        variables.write_text(json.dumps({"jupyterhub_user_packages": [package], "python_venv_keep": 2}))
        run = run_ansible("nbops.jupyter.cluster", *OPTIONS, "--tags=jupyterhub_node", f"--extra-vars=@{variables}")
        assert run.returncode == 0, run.stdout
        assert node.file(CURRENT).linked_to != of_hub
    assert node.file(f"{of_hub}/release.json").exists
    assert len(node.file("/opt/jupyterhub/user/releases").listdir()) == 3
    with ada.start().kernel() as kernel:
        assert kernel.run("import sys; print(sys.prefix)").startswith(f"{of_hub}/")
    ada.stop()


def test_an_upgrade_reaches_servers_on_the_node_from_their_next_start_on(host, person, upgrade: Upgrade) -> None:
    server = server_of(person("ada"))
    with server.kernel() as kernel:
        job = job_of(host, "ada")
        assert kernel.run("six = 6") == ""
        run = upgrade(jupyterhub_user_packages=["cowsay"])
        assert run.returncode == 0, run.stdout
        assert re.search(r"cell +ok", run.stdout), run.stdout
        with server.attach(kernel.identity) as again:
            assert again.run(HAS_COWSAY) == "False"
            assert again.run("six * 7") == "42"
    assert job_of(host, "ada") == job
    person("ada").stop()
    assert has_cowsay(person("bob"))
