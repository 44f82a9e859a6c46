# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that what is deployed on a host needs: of sites, of servers beyond loopback, of Slurm, and of homes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub_config,
    jupyterhub_slurm,
    jupyterlab,
    nfs_home,
    playbook,
    playbook_jupyterlab,
    slurm,
    slurm_ports,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import Endpoint
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given, settings_of

USES = ("jupyterlab", "jupyterhub", "slurm", "nfs_home")
GROUPS = (*slurm_ports.GROUPS, *nfs_home.GROUPS)
FACTS = ("default_ipv4", "default_ipv6", "hostname")
VARIABLES_OF_HOSTS = {
    "jupyterhub": ("jupyterhub_spawner", "jupyterhub_state", "jupyterhub_slurm_listen", "jupyterhub_slurm_ports")
}
SET_BY_PLAYBOOK = ("firewall_open",)
WEB_PORTS = {"state": "present", "http_port": 80, "https_port": 443}


class Listener(NamedTuple):
    """A server by its name, with its address as it was written, and what reads that: it raises ValueError."""

    name: str
    text: str
    endpoint: Callable[[], Endpoint]


def problems(given: Given) -> list[str]:
    """What is wrong with addresses, from which ports follow; the roles judge the rest."""
    found = playbook_jupyterlab.nothing_listed(given) if "jupyterlab" in given.host["group_names"] else []
    for listener in (*_listeners(given), *_node_listeners(given)):
        try:
            listener.endpoint()
        except ValueError:
            found.append(
                f"{listener.name}: listen '{listener.text}' is not an address and port such as 127.0.0.1:8888."
            )
    cluster = _cluster(given)
    found += slurm_ports.problems(cluster)
    if not given.host.get("asked"):
        return found
    is_in_cluster = slurm.parts_of(cluster) or _is_node(given) or _node_listeners(given)
    unknown = {*(slurm_ports.unknown(cluster) if is_in_cluster else []), *_unknown_clients(given)}
    return found + [
        f"{name} does not answer, so its address is unknown; start it, or take it out of the inventory."
        for name in sorted(unknown)
    ]


def plan(given: Given) -> dict[str, Any]:
    """The ports to open, as entries of `firewall_open`. What `jupyter_open` says of a port holds."""
    labs = playbook.labs(given)
    direct = [one for one in (*labs, *playbook.hubs(given)) if one["certificate"]]
    behind = playbook.behind_nginx(given, labs)
    sites = [{**WEB_PORTS, **site} for site in ([given.settings["site"]] if behind else []) + given.settings["sites"]]
    present = [site for site in sites if site["state"] == "present"]
    endpoints = [listener.endpoint() for listener in _listeners(given)]
    ports = {
        *(int(site[key]) for site in present for key in ("http_port", "https_port")),
        *(endpoint.port for endpoint in endpoints if not endpoint.is_loopback),
        # Without a web server, an authority finds its answer on port 80 all the same.
        *([80] if direct and given.settings["admin_email"] else []),
    }
    said = given.settings["open"]
    derived = [
        *({"port": port} for port in sorted(ports)),
        *_merged(_of_cluster(given)),
        *nfs_home.openings(given.of("nfs_home")),
    ]
    known = {int(entry["port"]) for entry in said}
    return {
        "ports": [*said, *(entry for entry in derived if entry["port"] not in known)],
        "ask": sorted({*slurm_ports.unknown(_cluster(given)), *_unknown_clients(given)}),
    }


def _cluster(given: Given) -> Given:
    """What is known of the cluster to which the host may belong."""
    cluster = given.of("slurm")
    return Given(cluster.settings, cluster.others, {"groups": {}, **cluster.host})


def _unknown_clients(given: Given) -> list[str]:
    """The hosts whose addresses a server of homes has to ask still."""
    homes = given.of("nfs_home")
    return nfs_home.unknown(homes) if "server" in nfs_home.parts_of(homes) else []


def _is_node(given: Given) -> bool:
    """Whether servers of hubs run there."""
    return bool(set(jupyterhub_slurm.NODES) & set(given.host["group_names"]))


def _of_cluster(given: Given) -> Iterator[dict[str, Any]]:
    """The ports of Slurm, of servers of hubs where they run, and of the hub where these ask."""
    cluster = _cluster(given)
    yield from slurm_ports.openings(cluster)
    for variables in given.host.get("said", {}).get("jupyterhub", {}).values() if _is_node(given) else ():
        hub = settings_of("jupyterhub", variables, used=True)
        if hub["spawner"] == "slurm" and hub["state"] == "present" and hub["slurm_listen"]:
            # By this address the nodes reach the hub's host, and it reaches them.
            yield slurm_ports.entry(hub["slurm_ports"], [jupyterhub_config.nodes_endpoint(hub).ip])
    for listener in _node_listeners(given):
        yield slurm_ports.entry(str(listener.endpoint().port), slurm_ports.addresses(cluster, *jupyterhub_slurm.NODES))


def _merged(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each port once, for the sources of all entries."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for entry in entries:
        place = (entry["port"], entry.get("last_port", 0))
        sources = sorted({*found.get(place, entry)["sources"], *entry["sources"]}) if "sources" in entry else []
        found[place] = {**entry, **({"sources": sources} if sources else {})}
    return list(found.values())


def _node_listeners(given: Given) -> list[Listener]:
    """The address of each hub at which nodes reach it."""
    return [
        Listener(hub["name"], hub["slurm_listen"], partial(jupyterhub_config.nodes_endpoint, hub))
        for hub in playbook.hubs(given)
        if hub["slurm_listen"]
    ]


def _listeners(given: Given) -> list[Listener]:
    """The addresses of labs and hubs."""
    return [
        *(Listener(lab["name"], lab["listen"], partial(jupyterlab.endpoint, lab)) for lab in playbook.labs(given)),
        *(
            Listener(hub["name"], jupyterhub_config.listen(hub), partial(jupyterhub_config.endpoint, hub))
            for hub in playbook.hubs(given)
        ),
    ]
