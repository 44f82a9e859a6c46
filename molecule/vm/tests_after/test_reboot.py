"""What a machine does by itself after a reboot, and in which order."""

from __future__ import annotations

import pytest
from notebook_client import NotebookClient

SERVICES = ("jupyterlab-lab", "jupyterhub", "jupyterhub-proxy", "nginx", "nbops-firewall")
# That of the hub, and the one by which it tells the proxy what to do.
HELD_PORTS = (8001, 8081)
SOCKETS = ("jupyterlab-lab", *(f"jupyterhub-{part}" for part in ("hub", "hub-pages", "proxy-unix", "proxy-api")))


def moment(host, unit: str, event: str) -> int:
    """When a unit last began (InactiveExit) or was up (ActiveEnter), in microseconds since the boot."""
    return int(host.check_output("systemctl show --property=%sTimestampMonotonic --value %s", event, unit))


def test_it_was_a_boot_without_failures(host) -> None:
    assert host.run("systemctl --failed --plain --no-legend").stdout == ""
    assert host.check_output("systemctl is-system-running") == "running"


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_back(host, name: str) -> None:
    assert host.service(name).is_running


@pytest.mark.parametrize("name", ["alice", "ada"])
def test_a_person_runs_a_cell(request: pytest.FixtureRequest, name: str) -> None:
    client: NotebookClient = request.getfixturevalue(name)
    with client.kernel() as kernel:
        assert kernel.run("6*7", timeout=600) == "42"


def test_the_firewall_was_up_before_the_network(host) -> None:
    up = moment(host, "nbops-firewall.service", "ActiveEnter")
    assert 0 < up <= moment(host, "networking.service", "InactiveExit")
    assert host.run("nft list table inet nbops_firewall").rc == 0


@pytest.mark.parametrize("name", SOCKETS)
def test_addresses_are_held_before_anybody_can_log_in(host, name: str) -> None:
    held = moment(host, f"{name}.socket", "ActiveEnter")
    for unit in ("systemd-user-sessions.service", "ssh.service", "cron.service"):
        assert 0 < held <= moment(host, unit, "InactiveExit")


def test_no_account_could_take_an_address_of_the_hub_when_ssh_answered(host) -> None:
    tried = host.file("/var/lib/taken").content_string.splitlines()
    assert sorted(set(tried)) == [f"{port} EADDRINUSE" for port in HELD_PORTS]
