# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other playbooks deploy on a host, as entries that let it go."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import nginx, playbook
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterlab", "jupyterhub", "nginx", "certbot", "kernels")


def problems(given: Given) -> list[str]:
    """Nothing: what is wrong with the servers of a host must not keep anybody from removing them."""
    return []


def plan(given: Given) -> dict[str, Any]:
    """Entries for the roles, without secrets. A host that is in none of the groups has none."""
    groups = given.host["group_names"]
    has_labs, has_hub = "jupyterlab" in groups, "jupyterhub" in groups
    hub = given.others["jupyterhub"]["name"]
    served = {**({"jupyterlab": given} if has_labs else {}), **({hub: playbook.of_hub(given)} if has_hub else {})}
    fronts = list(served.values())
    sites = [playbook.site(front, name, "absent", [playbook.domain(front)]) for name, front in served.items()]
    sites += given.settings["sites"]
    certificates = [playbook.certificate(front) for front in fronts if playbook.is_certified(front)]
    labs = given.others["jupyterlab"]["instances"] if has_labs else []
    outside = list(dict.fromkeys(lab["root_dir"] for lab in labs if lab["root_dir"]))
    kernels = given.others["kernels"]
    return {
        "sites": [_absent_site(site) for site in sites],
        "instances": _absent(_named(given.others["jupyterlab"]["instances"])) if has_labs else [],
        "hub": has_hub,
        "kernels": _absent(_named(kernels["specs"])),
        "installers": _absent(_named(kernels["installers"], "path"), "path"),
        "certificates": _absent(list(dict.fromkeys(_named(certificates)))),
        "report": [
            f"removed. What stays: accounts, {', '.join(['homes', *outside])}, shared folders, /var/backups and the "
            "repository of backups; nginx, packages, and the rules of the firewall, which nbops.jupyter.firewall made.",
            f"next: take {given.host['inventory_hostname']} out of the groups jupyterlab and jupyterhub of the "
            "inventory, or the next run deploys it again.",
        ],
    }


def _absent_site(site: dict[str, Any]) -> dict[str, Any]:
    """An entry that removes a site, with the certificate that nginx may have made for it, where that is a name."""
    certificate = str(site.get("certificate") or next(iter(site.get("server_names") or []), ""))
    named = {"certificate": certificate} if nginx.HOST.fullmatch(certificate) else {}
    return {"name": site["name"], "state": "absent", **named}


def _named(entries: list[dict[str, Any]], key: str = "name") -> list[str]:
    return [entry[key] for entry in entries]


def _absent(names: list[str], key: str = "name") -> list[dict[str, str]]:
    """Entries of a role that remove, without what else the inventory says of them."""
    return [{key: name, "state": "absent"} for name in names]
