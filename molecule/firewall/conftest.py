"""The host from outside: from another host of its network."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One host has ufw, the last one."""
    hosts = [item.name.partition("ansible://")[2].rstrip("]") for item in items]
    last = max(hosts, default="")
    items[:] = [
        item for item, host in zip(items, hosts, strict=True) if item.path.parent.name != "tests_ufw" or host == last
    ]


@pytest.fixture
def elsewhere(host):
    """Another host of the network."""
    inventory = host.backend.ansible_runner.inventory_file
    return host.get_host("ansible://firewall-elsewhere", ansible_inventory=inventory, sudo=True)


@pytest.fixture
def open_ports(elsewhere, address: str) -> Callable[..., list[int]]:
    """Which of the ports that the host listens on answer somebody elsewhere."""

    def ask(at: str = address) -> list[int]:
        return json.loads(elsewhere.check_output(f"python3 /usr/local/lib/ask.py {at} 22 8080 8443 8444 9090"))

    return ask


@pytest.fixture
def own_ipv6(host) -> str:
    """The host's address of the link, as it is reached from elsewhere."""
    shown = json.loads(host.check_output("ip -6 -json address show dev eth0 scope link"))
    return shown[0]["addr_info"][0]["local"] + "%eth0"
