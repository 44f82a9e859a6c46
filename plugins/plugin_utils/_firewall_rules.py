# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of open ports must fulfil before a host is touched. Pure: the entries have all their keys."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,14}[A-Za-z0-9_.@*-]?")


def problems(entries: list[dict], settings: dict) -> list[str]:
    """Every broken rule, each with the rule and what to write instead.

    `settings` are ssh_sources, interfaces and confirm_seconds.
    """
    found = []
    for entry in entries:
        found += [f"firewall_open: port {entry['port']}: {text}" for text in _entry(entry, entries)]
    found += _networks("firewall_ssh_sources", settings["ssh_sources"])
    wrong = [name for name in settings["interfaces"] if not INTERFACE.fullmatch(name)]
    if wrong:
        found.append(
            "firewall_interfaces must list names of network interfaces, 15 letters at most, which may end with *, for "
            f"example podman*. Got: {', '.join(wrong)}."
        )
    if not 10 <= settings["confirm_seconds"] <= 600:
        found.append(
            f"firewall_confirm_seconds must be from 10 to 600, for example 60 (got {settings['confirm_seconds']})."
        )
    return found


def _entry(entry: dict, entries: list[dict]) -> Iterator[str]:
    if not 0 < int(entry["port"]) < 65536:
        yield "must be from 1 to 65535; write for example 443."
    if [(other["port"], other["protocol"]) for other in entries].count((entry["port"], entry["protocol"])) > 1:
        yield "is listed twice; make it one entry, with the sources of both."
    yield from _networks("sources", entry["sources"])


def _networks(key: str, networks: list[str]) -> Iterator[str]:
    wrong = [network for network in networks if not _is_network(network)]
    if wrong:
        yield f"{key} must list addresses and networks, for example 192.0.2.10 or 10.0.0.0/8. Got: {', '.join(wrong)}."
    everybody = [network for network in networks if _is_network(network) and network.endswith("/0")]
    if everybody:
        yield f"{key}: {', '.join(everybody)} is everybody; leave the list out."


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
