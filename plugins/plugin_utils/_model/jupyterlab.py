# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of JupyterLab servers must fulfil before a host is touched. Pure: the entries have all their keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

SECRETS = ("password", "password_hash", "token")
# Jupyter's login form strips blanks around it and replaces control characters: such a password locks its owner out.
PASSWORD = re.compile(r"[^\s\x00-\x08\x0e-\x1f][^\x00-\x08\x0e-\x1f]{6,}[^\s\x00-\x08\x0e-\x1f]", re.DOTALL)
PASSWORD_HASH = re.compile(r"argon2:\$argon2(id|i|d)\$.*|[a-z0-9_-]+:[0-9a-f]+:[0-9a-f]+")
TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
CERTIFICATE = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
LOOPBACK = re.compile(r"(127\.|localhost:|\[::1\]:).*")
BASE_URL = re.compile(r"/([A-Za-z0-9._~-]+/)*")
PAGE = re.compile(r"/[^\s\"'<>\\]*")
DIRECTORY = re.compile(r"(/[^/\s]+)*")
OF_THE_SYSTEM = re.compile(r"/(bin|boot|dev|etc|lib|lib64|opt|proc|root|run|sbin|sys|tmp|usr)(/.*)?", re.DOTALL)
MEMORY = re.compile(r"([1-9][0-9]*[KMGT]?)?")
SHARE = re.compile(r"([1-9][0-9]*%)?")
PLUGIN = re.compile(r"@?[A-Za-z0-9._/-]+:[A-Za-z0-9._-]+")

GONE = ("NotebookApp", "JupyterApp")
# Options that have a key of their own in an entry: said twice, one of the two would be lost.
RESERVED = {
    "ServerApp.certfile": "certificate",
    "ServerApp.keyfile": "certificate",
    "ServerApp.ip": "listen",
    "ServerApp.port": "listen",
    "ServerApp.sock": "listen",
    "ServerApp.base_url": "base_url",
    "ServerApp.default_url": "default_url",
    "LabApp.default_url": "default_url",
    "ServerApp.root_dir": "root_dir",
    "ServerApp.notebook_dir": "root_dir",
    "ServerApp.terminals_enabled": "terminals",
    "ServerApp.max_body_size": "upload_limit_mb",
    "ServerApp.max_buffer_size": "upload_limit_mb",
    "ServerApp.password": "password_hash",
    "ServerApp.token": "token",
    "ServerApp.cookie_secret": "the role's own (made at the first start, kept in /var/lib/jupyterlab)",
    "IdentityProvider.token": "token",
    "IdentityProvider.hashed_password": "password_hash",
    "PasswordIdentityProvider.token": "token",
    "PasswordIdentityProvider.hashed_password": "password_hash",
    "MappingKernelManager.cull_idle_timeout": "cull_idle_seconds",
    "LabApp.user_settings_dir": "the role's own (~/.jupyter/lab)",
    "LabApp.workspaces_dir": "the role's own (~/.jupyter/lab)",
}
# Options that undo the protection: the values that do so, and the name of the risk.
DANGEROUS = {
    "ServerApp.allow_origin": (r"\*", "any_origin"),
    "ServerApp.allow_origin_pat": (r"\^?\.[*+]\$?", "any_origin"),
    "ServerApp.disable_check_xsrf": ("True", "no_xsrf_check"),
    "ServerApp.allow_unauthenticated_access": ("True", "no_login"),
    "ServerApp.identity_provider_class": (r"jupyter_server\.auth\.identity\.IdentityProvider", "no_login"),
    "PasswordIdentityProvider.password_required": ("False", "no_login"),
}


def problems(instances: list[dict]) -> list[str]:
    """Every broken rule, each with the instance's name, the rule and what to write instead; never a secret."""
    present = [instance for instance in instances if instance["state"] == "present"]
    found = list(_names(instances))
    for instance in present:
        listeners = [other["listen"] for other in present if other is not instance]
        rules = (*_login(instance), *_listen(instance, listeners), *_paths(instance), *_amounts(instance))
        found += [f"jupyterlab_instances: {instance['name']}: {text}" for text in (*rules, *_options(instance))]
    return found


def _names(instances: list[dict]) -> Iterator[str]:
    names = [instance["name"] for instance in instances]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or names.count(name) > 1:
            yield (
                f"jupyterlab_instances: the name '{name}' must begin with a small letter, hold small letters, digits "
                "and hyphens, at most 31 of them, and stand in one entry only."
            )


def _login(instance: dict) -> Iterator[str]:
    if not USER.fullmatch(instance.get("user") or "") or instance["user"] == "root":
        yield "user must name the account that the server runs as, and never root; write for example user: alice."
    forms = dict(zip(SECRETS, (PASSWORD, PASSWORD_HASH, TOKEN), strict=True))
    given = [secret for secret in SECRETS if secret in instance]
    if len(given) != 1:
        yield "give exactly one of password, password_hash and token; there is no server without a login."
    elif not forms[given[0]].fullmatch(str(instance[given[0]])):
        yield (
            "a password has at least 8 characters, none of them a control character, and no blank or line end around "
            "it (the login form would drop it); a token at least 16, all of them letters, digits or . _ ~ -; a "
            "password_hash has the form argon2:… or algorithm:salt:digest."
        )


def _listen(instance: dict, others: list[str]) -> Iterator[str]:
    listen = instance["listen"]
    if listen == "unix":
        if instance["certificate"]:
            yield "certificate is for a server with an address; behind a socket, the web server speaks TLS."
        return
    match = ADDRESS.fullmatch(listen)
    if not match or not 0 < int(match["port"]) < 65536 or listen in others:
        yield (
            "listen must be unix, or an address and port (1 to 65535) such as 127.0.0.1:8888 that no other instance "
            f"has; it is '{listen}'."
        )
    elif instance["certificate"]:
        yield from _certificate(instance["certificate"], int(match["port"]))
    elif not LOOPBACK.fullmatch(listen) and "plain_http" not in instance["accept_risks"]:
        yield (
            f"listen '{listen}' is reachable from other hosts without TLS; listen on 127.0.0.1 or unix behind the "
            "nginx role, name a certificate, or say accept_risks: [plain_http]."
        )
    if instance["sandbox"] == "air_gapped":
        yield "sandbox air_gapped has no network at all, not even loopback; write listen: unix."


def _certificate(name: str, port: int) -> Iterator[str]:
    if not CERTIFICATE.fullmatch(name):
        yield (
            f"certificate '{name}' must be the name of a directory below /etc/ssl/jupyter, of lower-case letters, "
            "digits, dots, hyphens and underscores, such as lab.example.org."
        )
    if port < 1024:
        yield (
            f"listen: port {port} is for root alone, and what a server may do, its notebooks may as well; write a port "
            "from 1024, such as 0.0.0.0:8888, or put nginx in front."
        )


def _paths(instance: dict) -> Iterator[str]:
    root = instance["root_dir"]
    if not BASE_URL.fullmatch(instance["base_url"]):
        yield "base_url begins and ends with a slash, such as /lab/."
    if not PAGE.fullmatch(instance["default_url"]):
        yield "default_url begins with a slash, such as /lab or /tree."
    if not DIRECTORY.fullmatch(root) or OF_THE_SYSTEM.fullmatch(root):
        yield (
            "root_dir is an absolute path for a person's files, without blanks, such as /home/alice/notebooks or "
            "/srv/notebooks."
        )


def _amounts(instance: dict) -> Iterator[str]:
    if int(instance["cull_idle_seconds"]) < 0 or int(instance["tasks_max"]) < 0 or int(instance["upload_limit_mb"]) < 1:
        yield "cull_idle_seconds and tasks_max are 0 or more, upload_limit_mb is 1 or more."
    if not MEMORY.fullmatch(instance["memory_max"]) or not SHARE.fullmatch(instance["cpu_quota"]):
        yield "memory_max is an amount such as 2G, cpu_quota a share such as 150%."


def _options(instance: dict) -> Iterator[str]:
    """Options that neither contradict the entry nor undo the protection."""
    if not all(PLUGIN.fullmatch(plugin) for plugin in instance["settings"]):
        yield "settings has plugin names as keys, such as '@jupyterlab/apputils-extension:themes'."
    for class_name, options in instance["config"].items():
        if class_name in GONE:
            yield f"config.{class_name} is no longer read by Jupyter; write ServerApp."
        for option, value in options.items() if isinstance(options, dict) else ():
            name = f"{class_name}.{option}"
            if name in RESERVED:
                yield f"config.{name} has a key of its own in the entry; use {RESERVED[name]}."
            if option == "allow_root":
                yield f"config.{name} is refused; a server never runs as root, name an account in user."
            pattern, risk = DANGEROUS.get(name, (None, None))
            if pattern and re.fullmatch(pattern, str(value)) and risk not in instance["accept_risks"]:
                yield f"config.{name} takes the protection away; if that is wanted, say accept_risks: [{risk}]."
