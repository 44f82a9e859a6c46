# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filter: what its settings must be, and the units that load it at boot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import sandbox
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.networks import is_everybody, networks

USES = ("systemd",)
PATH = "/etc/nbops-firewall.nft"
LOAD = f"/usr/sbin/nft --file {PATH}"
UNITS = [
    # Loads the table at boot, before there is a network.
    {
        "name": "nbops-firewall.service",
        "sandbox": "daemon",
        "sections": {
            "Unit": {
                "Description": "Packet filter of nbops.jupyter",
                "DefaultDependencies": False,
                "Wants": "network-pre.target",
                "Before": ["network-pre.target", "shutdown.target"],
                "After": ["local-fs.target", "nftables.service"],
                "Conflicts": "shutdown.target",
            },
            "Service": {
                "Type": "oneshot",
                "RemainAfterExit": True,
                "User": "root",
                "PrivateUsers": False,
                "PrivateTmp": False,
                "CapabilityBoundingSet": "CAP_NET_ADMIN",
                "SystemCallFilter": ["@system-service"],
                "RestrictAddressFamilies": "AF_NETLINK",
                "ExecStart": LOAD,
                "ExecReload": LOAD,
                "ExecStop": "-/usr/sbin/nft delete table inet nbops_firewall",
            },
            "Install": {"WantedBy": "sysinit.target"},
        },
    },
    # The host's own rules begin with a flush of everything, ours included.
    {
        "name": "nftables.service",
        "drop_in": "nbops-firewall",
        "sections": {"Service": {"ExecStartPost": f"-{LOAD}", "ExecReload": f"-{LOAD}"}},
    },
]
INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,14}[A-Za-z0-9_.@*-]?")


# What of the plan follows from which fact of the host.
NEEDS = {"backend": ("units",)}


def problems(given: Given) -> list[str]:
    """What is wrong with the settings: each with the rule and what to write instead."""
    settings, found = given.settings, []
    for entry in settings["open"]:
        found += [f"firewall_open: port {entry['port']}: {text}" for text in _entry(entry, settings["open"])]
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


def plan(given: Given) -> dict[str, Any]:
    """The settings of the module firewall, and the units that load the table at boot, or their removal.

    `given.host["backend"]` is what filters on the host: only a table of nftables needs units.
    """
    settings = given.settings
    loads = settings["state"] == "present" and given.host.get("backend", "nftables") == "nftables"
    return {
        **{name: settings[name] for name in ("state", "open", "ssh_sources", "interfaces", "confirm_seconds")},
        "path": PATH,
        "units": UNITS if loads else [{**unit, "state": "absent", "sections": {}} for unit in UNITS],
        "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
    }


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"])


def _entry(entry: dict, entries: list[dict]) -> Iterator[str]:
    if not 0 < int(entry["port"]) < 65536:
        yield "must be from 1 to 65535; write for example 443."
    if entry["last_port"] and not entry["port"] <= entry["last_port"] < 65536:
        yield f"last_port: {entry['last_port']} must be from {entry['port']} to 65535; leave it out for one port."
    places = [(other["port"], other["last_port"], other["protocol"]) for other in entries]
    if places.count((entry["port"], entry["last_port"], entry["protocol"])) > 1:
        yield "is listed twice; make it one entry, with the sources of both."
    yield from _sources("sources", entry["sources"])


def _sources(key: str, sources: list[str]) -> Iterator[str]:
    yield from networks(key, sources)
    everybody = [source for source in sources if is_everybody(source)]
    if everybody:
        yield f"{key}: {', '.join(everybody)} is everybody; leave the list out."
