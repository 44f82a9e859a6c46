# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory expects of a host, against which its status is judged."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import parse_lock
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub,
    jupyterlab,
    playbook_jupyterlab,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterlab", "jupyterhub", "python_venv", "systemd")
SAYS = ()
RUNNING = (".service", ".socket")


def problems(given: Given) -> list[str]:
    """What is wrong with the labs and the hub: of those, nobody knows what to expect."""
    found = []
    if "jupyterlab" in given.host["group_names"]:
        found += playbook_jupyterlab.nothing_listed(given) or jupyterlab.problems(given.of("jupyterlab"))
    return found + (jupyterhub.problems(given.of("jupyterhub")) if _has_hub(given) else [])


def plan(given: Given) -> dict[str, Any]:
    """What is expected, for the module status_info."""
    labs = jupyterlab.present(given.of("jupyterlab")) if "jupyterlab" in given.host["group_names"] else []
    hub = given.others["jupyterhub"]
    deployed = [jupyterlab.plan(given.of("jupyterlab"))] if labs else []
    deployed += [jupyterhub.plan(given.of("jupyterhub"))] if _has_hub(given) else []
    releases = {path: release for one in deployed for path, release in one["install"]["releases"].items()}
    units = [unit["name"] for one in deployed for unit in one["units"] if _runs(unit)]
    return {
        "units": sorted({*units, *(["nginx.service"] if _has_site(given, labs) else [])}),
        "locks": {path: _pins(release["lock"]) for path, release in sorted(releases.items())},
        "servers": [*_labs_servers(given, labs), *(_users_servers(hub, releases) if _has_hub(given) else [])],
        "hubs": [{"name": hub["name"], "sqlite": hub["database"] == "sqlite"}] if _has_hub(given) else [],
        "directories": sorted(
            {*releases, *(lab["root_dir"] for lab in labs if lab["root_dir"])}
            | ({f"/var/lib/{hub['name']}"} if _has_hub(given) else set())
        ),
    }


def _has_hub(given: Given) -> bool:
    return "jupyterhub" in given.host["group_names"] and given.others["jupyterhub"]["state"] == "present"


def _has_site(given: Given, labs: list[dict[str, Any]]) -> bool:
    """Whether nginx serves something: a server with a certificate needs none."""
    behind = [*(labs if given.settings["web_server"] else [])]
    behind += [given.others["jupyterhub"]] if _has_hub(given) else []
    return not all(one["certificate"] for one in behind)


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
    path = f"/opt/{hub['name']}/user"
    return [{"units": f"{hub['name']}-user-*.service", "path": path}] if path in releases else []
