"""A hub on the file server, whose people's servers are jobs on the client, in the same homes."""

from __future__ import annotations

import socket

import pytest
from hub import HUB, at_address
from hub_client import HubClient
from notebook_client import NotebookClient
from playbook import changes, inventory_options, run_ansible

OPTIONS = inventory_options("nfs_home/inventory/hosts.yml", "nfs_home/inventory/cluster.yml")


@pytest.fixture
def eve(server, tmp_path, monkeypatch: pytest.MonkeyPatch) -> HubClient:
    """Somebody who has logged in to the hub."""
    # An emulated machine is some thirty times slower, and more where it shares a processor.
    monkeypatch.setattr(NotebookClient, "patience", 1800)
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back after the test
    at_address(HUB, server.backend.ansible_runner.get_variables(server.backend.host)["ansible_host"])
    ca = tmp_path / "hub.pem"
    ca.write_text(server.file(f"/etc/ssl/jupyter/{HUB}/fullchain.pem").content_string)
    client = HubClient(f"https://{HUB}/hub/", ca=str(ca))
    assert client.login("eve", "correct horse battery")
    return client


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_the_playbooks_make_a_cluster_of_both(again: bool) -> None:
    for playbook in ("firewall", "cluster"):
        run = run_ansible(f"nbops.jupyter.{playbook}", *OPTIONS)
        assert run.returncode == 0, run.stdout + run.stderr
        assert not again or changes(run) == 0, run.stdout


def test_a_notebook_on_the_node_writes_into_the_shared_home(host, server, eve: HubClient) -> None:
    with eve.start().kernel() as kernel:
        told = kernel.run(
            "import os, socket; print(socket.gethostname(), os.getuid(), 'SLURM_JOB_ID' in os.environ, "
            "open('/srv/homes/eve/by_notebook', 'w').write('of a job'))",
            timeout=600,
        )
    assert told == f"{host.check_output('hostname')} 2001 True 8"
    assert server.check_output("runuser -u eve -- cat /srv/homes/eve/by_notebook") == "of a job"
    assert host.check_output("stat --file-system --format=%%T %s", "/srv/homes/eve") == "nfs"
