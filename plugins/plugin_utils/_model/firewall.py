# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of open ports must fulfil before a host is touched. Pure: the entries have all their keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.networks import is_network, networks

INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,14}[A-Za-z0-9_.@*-]?")


def problems(entries: list[dict], settings: dict) -> list[str]:
    """Every broken rule, each with the rule and what to write instead.

    `settings` are ssh_sources, interfaces and confirm_seconds.
    """
    found = []
    for entry in entries:
        found += [f"firewall_open: port {entry['port']}: {text}" for text in _entry(entry, entries)]
    found += _sources("firewall_ssh_sources", settings["ssh_sources"])
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
    yield from _sources("sources", entry["sources"])


def _sources(key: str, sources: list[str]) -> Iterator[str]:
    yield from networks(key, sources)
    everybody = [source for source in sources if is_network(source) and source.endswith("/0")]
    if everybody:
        yield f"{key}: {', '.join(everybody)} is everybody; leave the list out."
