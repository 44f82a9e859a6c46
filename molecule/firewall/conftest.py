"""The host from outside: from another host of its network, and from the controller."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def elsewhere(host):
    """Another host of the network."""
    inventory = host.backend.ansible_runner.inventory_file
    return host.get_host("ansible://firewall-elsewhere", ansible_inventory=inventory, sudo=True)


@pytest.fixture
def is_open(elsewhere, address: str) -> Callable[..., bool]:
    """Whether a port answers somebody elsewhere."""

    def ask(port: int, at: str = address) -> bool:
        done = elsewhere.run(
            "timeout 2 bash -c %s", f"exec 3<>/dev/tcp/{at}/{port} && echo hello >&3 && head --lines=1 <&3 && exit 0"
        )
        return done.rc == 0 and done.stdout != ""

    return ask


@pytest.fixture
def own_ipv6(host, elsewhere) -> str:
    """The host's address of the link, as it is reached from elsewhere."""
    own = host.check_output(
        "ip -6 -oneline address show dev eth0 scope link | awk '{print $4}' | cut --delimiter=/ --fields=1"
    )
    assert own.startswith("fe80:")
    return f"{own}%eth0"
