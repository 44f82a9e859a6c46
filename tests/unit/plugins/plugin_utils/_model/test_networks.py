"""Addresses of hosts."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.networks import addresses_of, is_ipv6, is_reachable


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("10.0.0.11", True),
        ("169.254.0.11", True),
        ("127.0.0.1", True),
        ("2001:db8::11", True),
        ("fd00::11", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("224.0.0.1", False),
        ("ff02::1", False),
        ("fe80::11", False),
        ("fe80::11%eth0", False),
        ("[2001:db8::11]", False),
        ("2001:db8::/64", False),
        ("node1", False),
        ("", False),
    ],
)
def test_by_which_addresses_others_reach_a_host(text: str, is_one: bool) -> None:
    assert is_reachable(text) == is_one


@pytest.mark.parametrize(("text", "is_one"), [("2001:db8::11", True), ("10.0.0.11", False)])
def test_which_addresses_are_of_ipv6(text: str, is_one: bool) -> None:
    assert is_ipv6(text) == is_one


@pytest.mark.parametrize(
    ("facts", "addresses"),
    [
        ({}, []),
        ({"default_ipv4": {}, "default_ipv6": {}}, []),
        ({"default_ipv4": {"address": "10.0.0.11"}}, ["10.0.0.11"]),
        ({"default_ipv4": {}, "default_ipv6": {"address": "2001:db8::11"}}, ["2001:db8::11"]),
        (
            {"default_ipv6": {"address": "2001:db8::11"}, "default_ipv4": {"address": "10.0.0.11"}},
            ["10.0.0.11", "2001:db8::11"],
        ),
    ],
)
def test_the_addresses_of_default_routes(facts: dict[str, dict[str, str]], addresses: list[str]) -> None:
    assert addresses_of(facts) == addresses
