"""What becomes of the settings of the firewall. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems, require_golden, require_words

MAXIMAL = {
    "firewall_open": [
        {"port": 443},
        {"port": 20000, "last_port": 20999},
        {"port": "53", "protocol": "udp", "sources": ["192.0.2.0/24", "2001:db8::1"]},
    ],
    "firewall_ssh_sources": ["10.0.0.0/8"],
    "firewall_interfaces": ["podman*"],
    "firewall_confirm_seconds": 30,
}


def test_the_plan_of_a_closed_host() -> None:
    require_golden("firewall-minimal", plan("firewall", {}))


def test_the_plan_that_says_everything() -> None:
    require_golden("firewall-maximal", plan("firewall", MAXIMAL))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("firewall", MAXIMAL)


@pytest.mark.parametrize(("state", "backend"), [("absent", "nftables"), ("present", "ufw"), ("absent", "ufw")])
def test_no_table_is_loaded_at_boot_where_there_is_none(state: str, backend: str) -> None:
    units = plan("firewall", {"firewall_state": state}, {"backend": backend})["units"]
    assert [unit["state"] for unit in units] == ["absent", "absent"]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"open": [{"port": 1}, {"port": 65535}]}, 0),
        ({"open": [{"port": 0}]}, 1),
        ({"open": [{"port": 20000, "last_port": 20000}, {"port": 20000, "last_port": 65535}]}, 0),
        ({"open": [{"port": 20000, "last_port": 19999}]}, 1),
        ({"open": [{"port": 20000, "last_port": 65536}]}, 1),
        ({"open": [{"port": 65536}]}, 1),
        ({"open": [{"port": 53}, {"port": 53, "protocol": "udp"}]}, 0),
        ({"open": [{"port": 53}, {"port": 53}]}, 2),
        ({"open": [{"port": 53, "sources": ["0.0.0.0/0"]}]}, 1),
        ({"open": [{"port": 53, "sources": ["192.0.2.1/24"]}]}, 1),
        ({"ssh_sources": ["::/0"]}, 1),
        ({"ssh_sources": ["0.0.0.0/0.0.0.0", "::/00"]}, 1),
        ({"interfaces": ["a" * 15]}, 0),
        ({"interfaces": ["a" * 16]}, 1),
        ({"confirm_seconds": 10}, 0),
        ({"confirm_seconds": 9}, 1),
        ({"confirm_seconds": 600}, 0),
        ({"confirm_seconds": 601}, 1),
    ],
)
def test_boundaries(changes: dict[str, Any], count: int) -> None:
    variables = {f"firewall_{name}": value for name, value in changes.items()}
    assert len(problems("firewall", variables)) == count
