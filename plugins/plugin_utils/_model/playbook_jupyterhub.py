# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of a hub: a site and its certificate."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub, jupyterhub_config, playbook
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterhub", "jupyterlab", "python_venv", "systemd", "nginx", "certbot", "kernels")
SET_BY_PLAYBOOK = ("nginx_sites", "certbot_certificates", "certbot_email")


def problems(given: Given) -> list[str]:
    """What is wrong with the hub, and with what stands in front of it."""
    found = jupyterhub.problems(given.of("jupyterhub")) or list(playbook.domain_problems(playbook.of_hub(given)))
    found += playbook.kernel_problems(given)
    if found:
        return found
    front = plan(given)
    return playbook.front_problems(given, front["sites"], front["certificates"])


def plan(given: Given) -> dict[str, Any]:
    """The site and the certificate, which may hold secrets that `jupyter_*` variables say."""
    given = playbook.of_hub(given)
    settings, name = given.others["jupyterhub"], playbook.domain(given)
    base, upstream = settings["base_url"], jupyterhub_config.endpoint(settings).upstream
    of_hub = {"client_max_body_size": jupyterhub_config.LONGEST_BODY}
    site = playbook.site(
        given,
        settings["name"],
        settings["state"],
        [name, *([f"*.{name}"] if settings["subdomains"] else [])],
        client_max_body_size=f"{settings['upload_limit_mb']}m",
        login_paths=[f"{base}hub/login", f"{base}hub/signup"],
        locations=[
            {"path": base, "upstream": upstream, "websocket": True, "pages": _pages()},
            # Nobody has to log in here, uploads go to people's servers, and the hub itself has no websockets.
            {"path": f"{base}hub/", "upstream": upstream, **of_hub},
            # As the hub does with what is outside of its path.
            *([{"path": "/", "redirect": base, "redirect_code": 302}] if base != "/" else []),
            # Events tell how a server comes up.
            {"path": f"{base}hub/api", "upstream": upstream, "buffering": False, **of_hub},
            {
                "path": f"{base}hub/static/",
                "upstream": upstream,
                "directory": jupyterhub.static_directory(settings),
                **of_hub,
            },
        ],
    )
    return {
        "sites": [site, *given.settings["sites"]],
        "certificates": [playbook.certificate(given)] if playbook.is_certified(given) else [],
        "kernels": playbook.has_kernels(given),
        "report": _report(given, playbook.certificate_report(given)),
        "report_of_failure": _report(given, playbook.NO_CERTIFICATE),
    }


def _pages() -> list[str]:
    """The pages of the hub and of people's servers.

    Those of named servers are left out: below them, nothing tells a page from a file in a directory of the same name.
    """
    return ["hub", *(f"user/*/{page}" for page in playbook.JUPYTER_PAGES)]


def _report(given: Given, certificate: str) -> list[str]:
    """What is told at the end: where the hub answers, for whom, its certificate, and what comes next."""
    hub = given.others["jupyterhub"]
    if hub["state"] == "absent":
        return []
    present = [user for user in hub["users"] if user["state"] == "present"]
    admins = ", ".join(user["name"] for user in present if user["admin"])
    url = f"{hub['public_url']}{hub['base_url']}" if hub["public_url"] else ""
    count = f"{len(present)} {'person' if len(present) == 1 else 'people'}"
    people = f"{count} listed, {f'administered by {admins}' if admins else 'nobody administers it'}"
    return [
        f"{hub['name']}: {url or playbook.address(given, given.settings['site'], hub['base_url'])} ({people})",
        certificate,
        playbook.NEXT,
    ]
