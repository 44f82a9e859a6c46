# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""At which ports the hosts of a cluster reach each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub_slurm,
    networks,
    slurm,
    slurm_config,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

# Those of a cluster, and hosts on which hubs have servers as jobs of another one.
GROUPS = tuple(dict.fromkeys((*slurm.GROUPS, *jupyterhub_slurm.NODES)))
# By part of a cluster, the key of slurm.conf that says another port, and the port.
LISTENERS = {"controller": ("SlurmctldPort", 6817), "node": ("SlurmdPort", 6818), "database": ("", 6819)}
PORTS = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def problems(given: Given) -> Iterator[str]:
    """What is wrong with the keys that say ports."""
    for key in ("SlurmctldPort", "SlurmdPort", "SrunPortRange"):
        said = _said(given.settings, key)
        if said and not PORTS.fullmatch(said):
            yield f"slurm_config: {key} '{said}' must be a port, or the first and the last such as 61000-63999."


def unknown(given: Given) -> list[str]:
    """The hosts whose addresses have to be asked still."""
    return sorted(name for name, facts in _hosts(given).items() if not _said_address(given, name) and not facts)


def addresses(given: Given, *groups: str) -> list[str]:
    """The addresses of hosts of some groups: those that are said, and those of their default routes."""
    found = set()
    for group in groups:
        for name, facts in given.hosts_of(group).items():
            found |= {_said_address(given, name), *networks.addresses_of(facts)}
    return sorted(found - {""})


def openings(given: Given) -> list[dict[str, Any]]:
    """The ports of a host of the cluster, as entries of `firewall_open`, for the other hosts of it alone."""
    roles = slurm.parts_of(given)
    if not roles:
        return []
    everybody, nodes = addresses(given, *slurm.GROUPS), addresses(given, "slurm_nodes")
    listeners = [LISTENERS[role] for role in LISTENERS if role in roles]
    return [
        *(entry(_said(given.settings, key) or str(port), everybody) for key, port in listeners),
        # Nodes call back whoever has started something there.
        entry(_said(given.settings, "SrunPortRange") or slurm_config.DEFAULTS["SrunPortRange"], nodes),
    ]


def entry(ports: str, sources: Iterable[str]) -> dict[str, Any]:
    """A port, or several such as 20000-20999, for some addresses, or for everybody where there is none."""
    first, last = PORTS.fullmatch(ports).groups()
    return {
        "port": int(first),
        **({"last_port": int(last)} if last and last != first else {}),
        **({"sources": list(sources)} if sources else {}),
    }


def _hosts(given: Given) -> dict[str, dict[str, Any]]:
    groups = given.host["groups"]
    return {name: facts for group in GROUPS for name, facts in groups.get(group, {}).items()}


def _said(settings: Mapping[str, Any], key: str) -> str:
    """What `slurm_config` says of a key, in either case."""
    return next((str(value) for name, value in settings["config"].items() if str(name).lower() == key.lower()), "")


def _said_address(given: Given, name: str) -> str:
    settings, groups = given.settings, given.host["groups"]
    if name in groups.get("slurm_controller", {}) and settings["controller_address"]:
        return settings["controller_address"]
    if name in groups.get("slurm_database", {}) and settings["database_address"]:
        return settings["database_address"]
    hostname = _hosts(given).get(name, {}).get("hostname", name.partition(".")[0])
    return next((node["address"] for node in settings["node_list"] if node["name"] == hostname), "")
