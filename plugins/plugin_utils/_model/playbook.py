# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks have in common: the host's names, its certificate, and the sites that users add.

Only the models of the playbooks know both the servers and the web server.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given


def domain(given: Given) -> str:
    """The name under which the host is found, the inventory's where no domain is given."""
    return given.settings["domain"] or given.host["inventory_hostname"]


def site(given: Given, name: str, state: str, names: list[str], **more: Any) -> dict[str, Any]:
    """An entry of `nginx_sites` with what `jupyter_site` says beside it."""
    return {
        "name": name,
        "state": state,
        "server_names": names,
        # Without a domain the site answers under every name, as a host does that is known by its address.
        "default": not given.settings["domain"],
        **more,
        **given.settings["site"],
    }


def certificate(given: Given) -> dict[str, Any]:
    """The certificate of the domain, an entry of `certbot_certificates`."""
    return {"name": given.settings["domain"], **given.settings["certificate"]}


def is_certified(given: Given) -> bool:
    """Whether an authority, or whoever `jupyter_certificate` names, is asked; else the site has a placeholder."""
    return bool(given.settings["admin_email"] or given.settings["certificate"])
