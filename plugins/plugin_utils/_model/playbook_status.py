# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory expects of a host, against which its status is judged."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import parse_lock
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import ELSEWHERE
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub,
    jupyterhub_config,
    jupyterhub_slurm,
    jupyterhub_units,
    jupyterlab,
    playbook,
    playbook_jupyterlab,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterlab", "jupyterhub", "nginx", "python_venv", "systemd")
# Hosts on which servers may run, of which the names are known alone.
GROUPS = jupyterhub_slurm.NODES
FACTS = ()
RUNNING = (".service", ".socket")


def problems(given: Given) -> list[str]:
    """What is wrong with the labs and the hub: of those, nobody knows what to expect."""
    found = []
    if "jupyterlab" in given.host["group_names"]:
        found += playbook_jupyterlab.nothing_listed(given) or jupyterlab.problems(given.of("jupyterlab"))
    return found + (jupyterhub.problems(given.of("jupyterhub")) if playbook.hubs(given) else [])


def plan(given: Given) -> dict[str, Any]:
    """What is expected, for the module status_info, and which nodes are asked for the environment of servers."""
    return {"expected": _expected(given), "nodes": _nodes(given)}


def _expected(given: Given) -> dict[str, Any]:
    labs = playbook.labs(given)
    hubs = playbook.hubs(given)
    deployed = [jupyterlab.plan(given.of("jupyterlab"))] if labs else []
    deployed += [jupyterhub.plan(given.of("jupyterhub")) for _hub in hubs]
    releases = {path: release for one in deployed for path, release in one["install"]["releases"].items()}
    units = [unit["name"] for one in deployed for unit in one["units"] if _runs(unit)]
    return {
        "units": sorted({*units, *(["nginx.service"] if playbook.behind_nginx(given, labs) else [])}),
        "locks": {path: _pins(release["lock"]) for path, release in sorted(releases.items())},
        "servers": [*_labs_servers(given, labs), *(one for hub in hubs for one in _users_servers(hub, releases))],
        "hubs": [_hub(hub) for hub in hubs],
        "users": sorted({lab["user"] for lab in labs}),
        "shut": playbook.shut(given),
        "directories": sorted(
            {
                *releases,
                *(lab["root_dir"] for lab in labs if lab["root_dir"]),
                *(f"/var/lib/{hub['name']}" for hub in hubs),
            }
        ),
    }


def _runs(unit: dict[str, Any]) -> bool:
    """Whether a unit is to be active as it stands, rather than a part of one, or a pattern for some."""
    is_whole = unit.get("state") != "absent" and "drop_in" not in unit and "@" not in unit["name"]
    return is_whole and unit["name"].endswith(RUNNING)


def _pins(lock: str) -> list[list[str]]:
    """A lock without its hashes, which are most of its size."""
    return [[pin.name, pin.version, pin.marker] for pin in parse_lock(lock)]


def _labs_servers(given: Given, labs: list[dict[str, Any]]) -> list[dict[str, str]]:
    path = given.others["jupyterlab"]["path"]
    return [
        {"units": jupyterlab.unit_name(lab["name"]), "path": jupyterlab.environment_path(path, lab)} for lab in labs
    ]


def _users_servers(hub: dict[str, Any], releases: dict[str, Any]) -> list[dict[str, str]]:
    """Each user's server is a unit that the hub makes. Another spawner's servers are not on the host."""
    path = _environment(hub)
    return [{"units": jupyterhub_config.users_units(hub), "path": path}] if path in releases else []


def _nodes(given: Given) -> dict[str, Any]:
    """The other hosts on which servers of the hub run, and the path of the environment there; empty without any."""
    own = given.host.get("inventory_hostname", "")
    names = dict.fromkeys(name for group in GROUPS for name in given.hosts_of(group) if name != own)
    far = [hub for hub in playbook.hubs(given) if hub["slurm_listen"]]
    return {"names": list(names), "environment": _environment(far[0])} if far and names else {}


def _environment(hub: dict[str, Any]) -> str:
    """Where the releases are from which users' servers run, also on nodes."""
    return f"/opt/{hub['name']}/user"


def _hub(hub: dict[str, Any]) -> dict[str, Any]:
    """A hub with its database, its people where accounts of the host say who they are, and its partitions of Slurm."""
    database = jupyterhub_config.database(hub)
    found: dict[str, Any] = {"name": hub["name"], "kind": database["database"], "database": database["file"]}
    if database["database"] == ELSEWHERE:
        found |= {"api_url": jupyterhub_units.api_url(hub), "token_file": jupyterhub_units.token_file(hub)}
    if hub["authenticator"] == "pam":
        found["people"] = sorted(user["name"] for user in hub["users"] if user["state"] == "present")
    if partitions := jupyterhub_slurm.partitions(hub):
        found["partitions"] = partitions
    if hub["slurm_listen"]:
        found["environment"] = _environment(hub)
    return found
