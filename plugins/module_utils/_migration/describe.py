# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Jupyter that somebody set up by hand is, in the words of the roles. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._hub.authenticators import KINDS

HASHES = ("PasswordIdentityProvider.hashed_password", "IdentityProvider.hashed_password", "ServerApp.password")
TOKENS = ("IdentityProvider.token", "ServerApp.token")
# What the role sets itself, as the tutorials do, or what has no meaning any more.
SETTLED = ("allow_remote_access", "allow_root", "open_browser", "quit_button", "trust_xheaders", "password_required")
SECRETS = ("password_hash", "token", "jupyterhub_oauth_client_secret")
LIVE = re.compile(r"/etc/letsencrypt/live/(?P<name>[^/]+)/")
BIND_URL = re.compile(r"https?://(?P<host>[^/:]*)(:(?P<port>[0-9]+))?(?P<path>/.*)?")
EVERYWHERE = "0.0.0.0"  # noqa: S104  # where others listen
PLAIN = "It speaks plain HTTP to the network: a certificate, or nginx in front, would be better."


@dataclass
class Found:
    """One server or hub: who runs it and where, its files, what they say by today's names, and what has to be said."""

    kind: str
    user: str
    directory: str
    unit: str = ""
    files: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def listens(found: Found) -> tuple[str, int]:
    """Address and port, with what a server or hub takes where its options are silent."""
    options = found.options
    if found.kind == "hub":
        bind = BIND_URL.fullmatch(str(options.get("JupyterHub.bind_url", "")))
        address = _address(bind["host"] if bind else str(options.get("JupyterHub.ip", "")), silent=EVERYWHERE)
        return address, int((bind and bind["port"]) or options.get("JupyterHub.port", 8000))
    address = _address(str(options.get("ServerApp.ip", "")), silent="127.0.0.1")
    return address, int(options.get("ServerApp.port", 8888))


def _address(text: str, silent: str) -> str:
    return {"": silent, "*": EVERYWHERE, "localhost": "127.0.0.1"}.get(text, text)


def instance(found: Found, name: str) -> dict[str, Any]:
    """The entry of jupyterlab_instances that describes a server."""
    options = dict(found.options)
    address, port = listens(found)
    entry: dict[str, Any] = {"name": name, "user": found.user, "listen": f"{address}:{port}"}
    if found.user == "root":
        found.notes.append("It runs as root, which the role refuses: write another account, and give it the notebooks.")
    entry["root_dir"] = str(options.pop("ServerApp.root_dir", "") or found.directory)
    entry.update(_login(found, options))
    if options.get("ServerApp.certfile"):
        entry["certificate"] = certificate(found, name)["name"]
    elif not address.startswith("127."):
        found.notes.append(PLAIN)
        entry["accept_risks"] = ["plain_http"]
    for key, option in (("base_url", "ServerApp.base_url"), ("default_url", "ServerApp.default_url")):
        if options.get(option):
            entry[key] = options[option]
    entry["config"] = _rest(options)
    return {key: value for key, value in entry.items() if value not in ({}, "")}


def _login(found: Found, options: dict[str, Any]) -> dict[str, str]:
    hashes = [options[name] for name in HASHES if options.get(name)]
    tokens = [options[name] for name in TOKENS if options.get(name)]
    if hashes:
        return {"password_hash": hashes[0]}
    if tokens:
        return {"token": tokens[0]}
    found.notes.append("No password is stored: it has a new token at each start. Write a password.")
    return {}


def _rest(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What has no key of its own in an entry."""
    own = ("ip", "port", "password", "token", "certfile", "keyfile", "base_url", "default_url", "root_dir")
    config: dict[str, dict[str, Any]] = {}
    for key, value in options.items():
        class_name, _dot, name = key.partition(".")
        if name not in (*own, *SETTLED, "hashed_password"):
            config.setdefault(class_name, {})[name] = value
    return config


def certificate(found: Found, name: str) -> dict[str, Any]:
    """The entry of certbot_certificates for the files that a server or hub has."""
    chain = found.options.get("ServerApp.certfile") or found.options.get("JupyterHub.ssl_cert")
    key = found.options.get("ServerApp.keyfile") or found.options.get("JupyterHub.ssl_key") or chain
    live = LIVE.match(chain)
    told = (
        {"restart": ["jupyterhub-proxy.service"]} if found.kind == "hub" else {"reload": [f"jupyterlab-{name}.service"]}
    )
    if live:
        return {"name": live["name"], "method": "standalone", **told}
    return {"name": name, "method": "provided", "certificate_path": chain, "key_path": key, **told}


def hub(found: Found) -> dict[str, Any]:
    """The variables of the role jupyterhub that describe a hub."""
    options = found.options
    address, port = listens(found)
    bind = BIND_URL.fullmatch(str(options.get("JupyterHub.bind_url", "")))
    base_url = (bind and bind["path"]) or options.get("JupyterHub.base_url", "/")
    class_name = str(options.get("JupyterHub.authenticator_class", "pam"))
    variables: dict[str, Any] = {
        "jupyterhub_listen": f"{address}:{port}",
        "jupyterhub_base_url": base_url.rstrip("/") + "/",
        "jupyterhub_authenticator": KINDS.get(class_name.rpartition(".")[2], class_name),
        "jupyterhub_users": _people(options),
        "jupyterhub_username_map": options.get("Authenticator.username_map", {}),
        "jupyterhub_default_url": options.get("Spawner.default_url", ""),
        **_oauth(options),
    }
    if options.get("JupyterHub.ssl_cert"):
        variables["jupyterhub_certificate"] = certificate(found, "hub")["name"]
    elif not address.startswith("127."):
        found.notes.append(PLAIN)
        variables["jupyterhub_accept_risks"] = ["plain_http"]
    return {key: value for key, value in variables.items() if value not in ({}, [], "")}


def _people(options: dict[str, Any]) -> list[dict[str, Any]]:
    admins = set(options.get("Authenticator.admin_users", []))
    names = sorted(admins | set(options.get("Authenticator.allowed_users", [])))
    return [{"name": name, "admin": True} if name in admins else {"name": name} for name in names]


def _oauth(options: dict[str, Any]) -> dict[str, str]:
    """What a provider knows the hub by."""
    found = {}
    for key, value in options.items():
        name = key.partition(".")[2]
        if name in ("client_id", "client_secret"):
            found[f"jupyterhub_oauth_{name}"] = value
        elif name == "oauth_callback_url":
            found["jupyterhub_public_url"] = "/".join(value.split("/")[:3])
    return found


def without_secrets(value: Any) -> Any:
    """The same variables for a screen: what opens something is named, and not shown."""
    if isinstance(value, dict):
        return {key: "(in the file)" if key in SECRETS else without_secrets(inner) for key, inner in value.items()}
    return [without_secrets(inner) for inner in value] if isinstance(value, list) else value
