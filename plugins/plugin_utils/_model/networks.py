# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: the rule for lists of them, and those that hosts have."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any


def networks(key: str, texts: list[str]) -> Iterator[str]:
    """What is wrong with the list that `key` names."""
    wrong = [text for text in texts if not is_network(text)]
    if wrong:
        yield f"{key} must list addresses and networks, for example 192.0.2.10 or 10.0.0.0/8. Got: {', '.join(wrong)}."


def is_reachable(text: str) -> bool:
    """Whether it may be the address by which other hosts reach one.

    One of IPv6 that counts on a link alone does not do, because nothing says on which.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast or (address.version == 6 and address.is_link_local))


def is_ipv6(text: str) -> bool:
    """Whether an address is one of IPv6."""
    return ipaddress.ip_address(text).version == 6


def addresses_of(facts: Mapping[str, Any]) -> list[str]:
    """The addresses of a host on its default routes, none where it was not asked."""
    routes = (facts.get(route) or {} for route in ("default_ipv4", "default_ipv6"))
    return [route["address"] for route in routes if route.get("address")]


def is_everybody(text: str) -> bool:
    """Whether it is a network of all addresses, however its length is written: /0, /00 or /0.0.0.0."""
    return is_network(text) and ipaddress.ip_network(text).prefixlen == 0


def is_network(text: str) -> bool:
    """Whether it is an address or a network without bits beyond its length."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
