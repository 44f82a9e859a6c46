"""A client that is added later gets the homes, and who works on another notices nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playbook import inventory_options, run_ansible
from waiting import wait_until

TIMES = "/srv/homes/eve/first"
OPTIONS = inventory_options("nfs_home/inventory/hosts.yml")
ADDED = '{"nfs_home_client_addresses": ["10.0.2.16", "10.0.2.15"]}'
REACHES = "timeout 20 bash -c '</dev/tcp/10.0.2.16/2049'"


@pytest.fixture
def first(server) -> Iterator[None]:
    """The first client leaves after the test, and what follows has the groups of the inventory alone."""
    yield
    server.check_output("systemctl stop first")
    server.check_output("umount /mnt")


def life(server) -> str:
    """Of the server and of the first client's program, since when they run, and whether they do."""
    return server.check_output("systemctl show --property=ActiveState,ActiveEnterTimestampMonotonic nfs-server first")


@pytest.mark.usefixtures("first")
def test_a_client_is_added_while_another_works(host, server) -> None:
    assert host.run(REACHES).rc != 0
    before = life(server)
    assert before.count("ActiveState=active") == 2
    run = run_ansible("molecule/nfs_home/converge.yml", f"--extra-vars={ADDED}", *OPTIONS)
    assert run.returncode == 0, run.stdout + run.stderr
    assert life(server) == before
    noted = len(server.file(TIMES).content_string.splitlines())
    # What the first client notes is read on the second.
    wait_until(lambda: int(host.check_output("runuser -u eve -- sh -c 'wc -l <%s'", TIMES)) > noted, 600)
