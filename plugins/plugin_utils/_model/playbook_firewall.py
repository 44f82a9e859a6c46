# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that what is deployed on a host needs: those of sites, and of servers that listen beyond loopback."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub_config,
    jupyterlab,
    playbook,
    playbook_jupyterlab,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterlab", "jupyterhub")
# What the playbook says to its roles.
SAYS = ("firewall_open",)
WEB_PORTS = {"state": "present", "http_port": 80, "https_port": 443}


def problems(given: Given) -> list[str]:
    """What is wrong with addresses, from which ports follow; the roles judge the rest."""
    found = playbook_jupyterlab.nothing_listed(given) if "jupyterlab" in given.host["group_names"] else []
    for name, listen, read in _listeners(given):
        try:
            read()
        except ValueError:
            found.append(f"{name}: listen '{listen}' is not an address and port such as 127.0.0.1:8888.")
    return found


def plan(given: Given) -> dict[str, Any]:
    """The ports to open, as entries of `firewall_open`. What `jupyter_open` says of a port holds."""
    labs = playbook.labs(given)
    direct = [one for one in (*labs, *playbook.hubs(given)) if one["certificate"]]
    behind = playbook.behind(given, labs)
    sites = [{**WEB_PORTS, **site} for site in ([given.settings["site"]] if behind else []) + given.settings["sites"]]
    present = [site for site in sites if site["state"] == "present"]
    endpoints = [read() for _name, _listen, read in _listeners(given)]
    ports = {
        *(int(site[key]) for site in present for key in ("http_port", "https_port")),
        *(endpoint.port for endpoint in endpoints if not endpoint.is_loopback),
        # Without a web server, an authority finds its answer on port 80 all the same.
        *([80] if direct and given.settings["admin_email"] else []),
    }
    said = given.settings["open"]
    known = {int(entry["port"]) for entry in said}
    return {"ports": [*said, *({"port": port} for port in sorted(ports - known))]}


def _listeners(given: Given) -> list[tuple[str, str, Any]]:
    """Of each server its name, its address as it was written, and what reads it."""
    return [
        *((lab["name"], lab["listen"], lambda lab=lab: jupyterlab.endpoint(lab)) for lab in playbook.labs(given)),
        *(
            (hub["name"], hub["listen"], lambda hub=hub: jupyterhub_config.endpoint(hub))
            for hub in playbook.hubs(given)
        ),
        *(
            (hub["name"], hub["slurm_listen"], lambda hub=hub: jupyterhub_config.nodes_endpoint(hub))
            for hub in playbook.hubs(given)
            if hub["slurm_listen"]
        ),
    ]
