# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom to visit on a host, and how to get in there as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PROBE
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub_config,
    jupyterhub_login,
    jupyterhub_units,
    jupyterlab,
    playbook,
    playbook_status,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

USES = ("jupyterlab", "jupyterhub", "nginx", "python_venv", "systemd")
FILES = COLLECTION / "roles/probe/files/probe"
TEXTFILE = COLLECTION / "plugins/module_utils/_files/textfile.py"
# Whose login page takes a name and a password.
FORMS = ("pam", "ldap", "native")
NGINX = "nginx.service"


def problems(given: Given) -> list[str]:
    """What is wrong with the labs and the hub, with the account that is named for visits, and what shuts visits out."""
    return target_problems(given) or [
        f"{words}, so the visit that tells whether all is well could not go well. Take it out first, and run the "
        "playbook that deploys."
        for words in playbook.shut(given)
    ]


def target_problems(given: Given) -> list[str]:
    """What is wrong, whatever shuts visits out for a while."""
    return playbook_status.problems(given) or list(_problems(given))


def plan(given: Given) -> dict[str, Any]:
    """The targets without their secrets, and the program, for the module probe."""
    labs = playbook.labs(given)
    return {
        "targets": [*(_lab(given, lab) for lab in labs), *(_hub(given, hub) for hub in playbook.hubs(given))],
        "files": {path.name: path.read_text(encoding="utf-8") for path in (*sorted(FILES.glob("*.py")), TEXTFILE)},
    }


def secrets(given: Given) -> dict[str, dict[str, str]]:
    """What opens each target, by its key."""
    found = {_key("lab", lab): _lab_secret(lab) for lab in playbook.labs(given)}
    if given.settings["verify_user"]:
        password = {"password": given.settings["verify_password"]}
        found |= {_key("hub", hub): password for hub in playbook.hubs(given)}
    return {key: secret for key, secret in found.items() if secret}


def _problems(given: Given) -> Iterator[str]:
    user, password = given.settings["verify_user"], given.settings["verify_password"]
    if bool(user) != bool(password):
        yield "jupyter_verify_user and jupyter_verify_password belong together; write both, or leave both out."
    for hub in playbook.hubs(given):
        if any(listed["name"] == PROBE for listed in hub["users"]):
            yield f"jupyterhub_users: {PROBE} is the account that visits make and remove; write another name."
        kind = jupyterhub_config.kind_of(hub)
        if hub["slurm_listen"] and not user:
            yield (
                f"jupyter_verify_user: servers of {hub['name']} run on other machines, which lack the account that a "
                f"visit makes for itself; {_somebody(kind)}."
            )
        if user and kind not in FORMS:
            yield (
                f"jupyter_verify_user: people log in to {hub['name']} at a provider ({kind}), whose page nobody but a "
                "person may fill in; leave jupyter_verify_user and jupyter_verify_password out, and a token of the hub "
                "is used."
            )


def _somebody(kind: str) -> str:
    """What to do where a visit needs an account that is there already."""
    if kind in FORMS:
        return "write it and jupyter_verify_password, of somebody who has an account on all of them"
    return f"people log in at a provider ({kind}), where nobody can for them, so such a hub has no visits: leave it out"


def _key(kind: str, one: dict[str, Any]) -> str:
    return f"{kind} {one['name']}"


def _hub(given: Given, hub: dict[str, Any]) -> dict[str, Any]:
    given = playbook.of_hub(given)
    login, why = _hub_login(given, hub)
    if hub["public_url"]:
        url = hub["public_url"].rstrip("/") + hub["base_url"]
    elif hub["certificate"]:
        url = playbook.url(hub["certificate"], jupyterhub_config.endpoint(hub).port, hub["base_url"])
    else:
        url = playbook.address(given, given.settings["site"], hub["base_url"])
    name = hub["name"]
    return {
        "key": _key("hub", hub),
        "kind": "hub",
        "name": name,
        "url": f"{url}hub/",
        "login": login,
        "why": why,
        "provider": jupyterhub_config.kind_of(hub) in jupyterhub_login.OAUTH,
        "group": name,
        "api_url": jupyterhub_units.api_url(hub),
        "token_file": jupyterhub_units.token_file(hub),
        "python": f"/opt/{name}/user/current/bin/python",
        "user": given.settings["verify_user"] or PROBE,
        "unit": f"{name}.service",
        "proxy": f"{name}-proxy.service",
        "server_unit": jupyterhub_config.users_units(hub),
        **_front(given, hub, f"{name}-proxy.service", served=True),
    }


def _hub_login(given: Given, hub: dict[str, Any]) -> tuple[str, str]:
    """How to get in, and why not by the login page."""
    kind = jupyterhub_config.kind_of(hub)
    if given.settings["verify_user"]:
        return "named", ""
    if kind == "pam":
        return "account", ""
    if kind in jupyterhub_login.OAUTH:
        return "token", f"people log in at a provider ({kind})"
    return "token", f"no account of {kind} is named (jupyter_verify_user)"


def _lab(given: Given, lab: dict[str, Any]) -> dict[str, Any]:
    endpoint, unit = jupyterlab.endpoint(lab), jupyterlab.unit_name(lab["name"])
    path = lab["base_url"]
    target = {
        "key": _key("lab", lab),
        "kind": "lab",
        "name": lab["name"],
        "login": _lab_login(lab),
        # Of a password whose hash is all that is known, nobody knows the text.
        "why": "" if "password_hash" not in lab else "the inventory has the hash of its password alone",
        "python": f"{jupyterlab.environment_path(given.others['jupyterlab']['path'], lab)}/current/bin/python",
        "user": lab["user"],
        "unit": unit,
        "proxy": "",
        "server_unit": unit,
        **_front(given, lab, unit, served=given.settings["web_server"]),
    }
    if lab["certificate"]:
        return {**target, "url": playbook.url(lab["certificate"], endpoint.port, path)}
    if given.settings["web_server"]:
        return {**target, "url": playbook.address(given, given.settings["site"], path)}
    if endpoint.socket:
        # A socket is for its person alone.
        return {**target, "url": f"http://localhost{path}", "socket": endpoint.socket, "as": lab["user"]}
    return {**target, "url": f"http://{endpoint.connect}{path}"}


def _lab_login(lab: dict[str, Any]) -> str:
    return "token" if "token" in lab else "password" if "password" in lab else "none"


def _lab_secret(lab: dict[str, Any]) -> dict[str, str]:
    return {name: lab[name] for name in ("token", "password") if name in lab}


def _front(given: Given, one: dict[str, Any], unit: str, *, served: bool) -> dict[str, Any]:
    """Whom visitors reach, and the certificate that they see; `served` is what has no own one by nginx."""
    if one["certificate"]:
        return {"web": unit, "certificate": one["certificate"], "self_signed": False}
    if not served:
        return {"web": unit, "certificate": "", "self_signed": False}
    is_ours = playbook.is_certified(given) and given.settings["certificate"].get("method") != "self_signed"
    certificate = given.settings["site"].get("certificate") or playbook.domain(given)
    return {"web": NGINX, "certificate": certificate, "self_signed": not is_ours}
