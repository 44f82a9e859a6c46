# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of a hub: a site and its certificate."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub, jupyterhub_config, playbook
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterhub", "python_venv", "systemd", "nginx", "certbot")
# What the playbook says to its roles.
SAYS = ("nginx_sites", "certbot_certificates", "certbot_email")


def problems(given: Given) -> list[str]:
    """What is wrong with the hub, and with what stands in front of it."""
    found = jupyterhub.problems(given.of("jupyterhub"))
    if found:
        return found
    front = plan(given)
    return playbook.front_problems(given, front["sites"], front["certificates"])


def plan(given: Given) -> dict[str, Any]:
    """The site and the certificate, which may hold secrets that `jupyter_*` variables say."""
    settings, name = given.others["jupyterhub"], playbook.domain(given)
    base, upstream = settings["base_url"], jupyterhub_config.endpoint(settings).upstream
    site = playbook.site(
        given,
        settings["name"],
        settings["state"],
        [name, *([f"*.{name}"] if settings["subdomains"] else [])],
        client_max_body_size=f"{settings['upload_limit_mb']}m",
        login_paths=[f"{base}hub/login", f"{base}hub/signup"],
        locations=[
            {"path": base, "upstream": upstream, "websocket": True},
            # As the hub does with what is outside of its path.
            *([{"path": "/", "redirect": base, "redirect_code": 302}] if base != "/" else []),
            # Events tell how a server comes up.
            {"path": f"{base}hub/api", "upstream": upstream, "buffering": False},
            {
                "path": f"{base}hub/static/",
                "upstream": upstream,
                "directory": jupyterhub.static_directory(settings),
            },
        ],
    )
    return {
        "sites": [site, *given.settings["sites"]],
        "certificates": [playbook.certificate(given)] if playbook.is_certified(given) else [],
    }
