# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the settings of a hub.

Who may log in is judged in jupyterhub_login.py, shared folders in jupyterhub_folders.py, profiles in
jupyterhub_profiles.py, and options of JupyterHub itself in jupyterhub_traits.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PERSON, PRIVILEGED_GROUPS, UNIT
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.passwords import is_password
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub_config,
    jupyterhub_folders,
    jupyterhub_login,
    jupyterhub_profiles,
    jupyterhub_slurm,
    jupyterhub_traits,
    variables,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.amounts import LIMITS, amounts
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import (
    ACCOUNT,
    BASE_URL,
    CERTIFICATE,
    HUB_GROUP,
    PAGE,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.python_venv import PACKAGE
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import nearest

# No hyphen after the first: jupyterhub-proxy is a unit of the hub jupyterhub, jupyterhub-a-proxy one of jupyterhub-a.
NAME = re.compile(
    r"jupyterhub(-(?!(addresses|culler|hub|nodes|port|proxy|servers|sockets|tunnel|user|users)$)[a-z][a-z0-9]{0,15})?"
)
PROGRAM = re.compile(r"/[A-Za-z0-9._+-][A-Za-z0-9._+/-]*")
PUBLIC_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
DOMAIN = re.compile(r"(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+")
INSIDE = re.compile(r"(?!\.\.?(/|$))[A-Za-z0-9_.+-]+(/(?!\.\.?(/|$))[A-Za-z0-9_.+-]+)*")
DATABASE = re.compile(r"sqlite|postgresql|sqlite:////[^\s]+|postgresql(\+psycopg)?://[^\s]+")
CRYPT = re.compile(
    r"\$[56]\$(rounds=[0-9]+\$)?[./0-9A-Za-z]{1,16}\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})"
    r"|\$y\$[./0-9A-Za-z]+\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{43}"
    r"|\$2b\$[0-9]{2}\$[./0-9A-Za-z]{53}"
)
SERVICE = re.compile(r"(?!.{65})[a-z0-9]+(-[a-z0-9]+)*")
ROLE = re.compile(r"[a-z][a-z0-9_~.-]{1,253}[a-z0-9]")

SHORTEST_IDLE_SECONDS = 60
# Names of the role's own services and tokens.
TAKEN = ("culler", "metrics", "proxy", "users")
SERVICE_KEYS = (
    *("name", "display", "info", "url", "command", "user", "cwd", "environment", "timeout"),
    *("oauth_client_id", "oauth_redirect_uri", "oauth_no_confirm", "oauth_client_allowed_scopes"),
)
SECRETS = ("password", "password_hash")
ROLE_KEYS = ("name", "description", "scopes", "users", "groups", "services")


def problems(settings: dict) -> list[str]:
    """What is wrong: each with the hub's name, the variable, the rule and what to write instead; never a secret."""
    name = settings["name"]
    if not NAME.fullmatch(name):
        return [
            f"jupyterhub_name: '{name}' must be jupyterhub, or jupyterhub- with one word of at most 16 small letters "
            "and digits, such as jupyterhub-physics; proxy, culler, user and hub stand for parts of a hub."
        ]
    if settings["state"] == "absent":
        return []
    rules = (
        *_controller(settings),
        *_addresses(settings),
        *_proxy(settings),
        *_public(settings),
        *_users(settings),
        *jupyterhub_login.problems(settings),
        *_limits(settings),
        *_servers(settings),
        *jupyterhub_folders.problems(settings),
        *jupyterhub_profiles.problems(settings),
        *jupyterhub_slurm.problems(settings),
        *variables.problems("jupyterhub_environment", settings["environment"]),
        *_services(settings["services"]),
        *_roles(settings),
        *_database(settings["database"]),
        *jupyterhub_traits.problems(settings),
    )
    return [f"{name}: {text}" for text in rules]


def _controller(settings: dict) -> Iterator[str]:
    for key, what, is_right in (
        ("lock", "file", Path.is_file),
        ("user_lock", "file", Path.is_file),
        ("templates", "directory", Path.is_dir),
    ):
        path = settings[key]
        if path and not (path.startswith("/") and is_right(Path(path))):
            yield (
                f"jupyterhub_{key}: '{path}' must be the absolute path of a {what} on the controller; begin it with "
                "playbook_dir or inventory_dir if it lies beside those."
            )
    for key in ("packages", "user_packages"):
        for package in settings[key]:
            if not PACKAGE.fullmatch(package):
                yield (
                    f"jupyterhub_{key}: '{package}' must be the name of a package with an optional version, such as "
                    "pandas>=2."
                )


def _addresses(settings: dict) -> Iterator[str]:
    listen = jupyterhub_config.listen(settings)
    last = listen.rpartition(":")[2]
    ports = [*([int(last)] if last.isdecimal() else []), settings["proxy_api_port"], settings["hub_port"]]
    if len(set(ports)) < len(ports) or not all(0 < port < 65536 for port in ports):
        yield (
            "the ports of jupyterhub_listen, jupyterhub_proxy_api_port and jupyterhub_hub_port must be different ones "
            f"from 1 to 65535; they are {', '.join(map(str, ports))}."
        )
        return
    try:
        place = jupyterhub_config.endpoint(settings)
    except ValueError:
        yield f"jupyterhub_listen: '{listen}' must be unix, or an address and port such as 127.0.0.1:8000."
        return
    if place.socket:
        yield from _socket(settings)
    if not place.is_loopback and not settings["certificate"] and not _accepts(settings, "plain_http"):
        yield (
            f"jupyterhub_listen: '{listen}' is reachable from other hosts without TLS; listen on 127.0.0.1 behind the "
            "nginx role, name a jupyterhub_certificate, or say jupyterhub_accept_risks: [plain_http]."
        )


def _socket(settings: dict) -> Iterator[str]:
    if settings["traefik"]:
        yield (
            "jupyterhub_listen: traefik takes no UNIX socket; leave it out, or write an address and port such as "
            "127.0.0.1:8000."
        )
    if settings["certificate"]:
        yield (
            "jupyterhub_certificate is for a proxy with an address; write one in jupyterhub_listen, such as "
            "0.0.0.0:443, or leave TLS to the web server."
        )


def _proxy(settings: dict) -> Iterator[str]:
    if not ACCOUNT.fullmatch(settings["socket_group"]):
        yield "jupyterhub_socket_group must be the name of a group, such as www-data."
    if settings["traefik"] and not PROGRAM.fullmatch(settings["traefik"]):
        yield (
            f"jupyterhub_traefik: '{settings['traefik']}' must be the absolute path of traefik on the host, such as "
            "/usr/local/bin/traefik."
        )
    if settings["certificate"] and not CERTIFICATE.fullmatch(settings["certificate"]):
        yield (
            f"jupyterhub_certificate: '{settings['certificate']}' must be the name of a directory below "
            "/etc/ssl/jupyter, of lower-case letters, digits, dots, hyphens and underscores, such as hub.example.org."
        )


def _public(settings: dict) -> Iterator[str]:
    if not BASE_URL.fullmatch(settings["base_url"]):
        yield f"jupyterhub_base_url: '{settings['base_url']}' must begin and end with a slash, such as / or /jupyter/."
    url = settings["public_url"]
    match = PUBLIC_URL.fullmatch(url)
    if url and not match:
        yield (
            f"jupyterhub_public_url: '{url}' must be what people's browsers ask for, without a path and in lower "
            "case, such as https://hub.example.org; the path stands in jupyterhub_base_url."
        )
    elif url and match["scheme"] == "http" and not _accepts(settings, "plain_http"):
        yield (
            "jupyterhub_public_url begins with http://, so logins would pass the network readable; write https://, or "
            "say jupyterhub_accept_risks: [plain_http]."
        )
    if settings["subdomains"] and not (match and DOMAIN.fullmatch(match["host"])):
        yield (
            "jupyterhub_subdomains gives every user a name below the hub's; write its name in jupyterhub_public_url, "
            "such as https://hub.example.org, with *.hub.example.org in the DNS and in the certificate."
        )


def _users(settings: dict) -> Iterator[str]:
    names = [user["name"] for user in settings["users"]]
    for name in dict.fromkeys(names):
        if UNIT.fullmatch(name):
            yield f"jupyterhub_users: '{name}' is the name of a unit, and none for a user; rename the account."
        elif names.count(name) > 1:
            yield f"jupyterhub_users: '{name}' is there more than once; keep one entry."
        elif not PERSON.fullmatch(name) or name == "root":
            yield (
                f"jupyterhub_users: '{name}' must be the name of one account only, never root, in lower case: letters, "
                "digits and . _ @ + - \\ after a letter, a digit or _, at most 255. Where people log in under other "
                "names, write these in jupyterhub_username_map."
            )
    for user in settings["users"]:
        yield from (f"jupyterhub_users: {user['name']}: {text}" for text in _user(user, settings))


def _user(user: dict, settings: dict) -> Iterator[str]:
    if user["state"] == "absent":
        if user["admin"] or user["groups"] or user["unix_groups"] or any(map(user.get, SECRETS)):
            yield "an absent user has no admin, groups, unix_groups, password and password_hash; leave them out."
    elif user["home"] != "keep":
        yield f"home: {user['home']} is for state: absent; leave it out, or write that state."
    for group in user["groups"]:
        if not HUB_GROUP.fullmatch(group):
            yield f"groups: '{group}' must be the name of a group of the hub, without commas and blanks around it."
    for group in user["unix_groups"]:
        if not ACCOUNT.fullmatch(group):
            yield f"unix_groups: '{group}' must be the name of a group of the host, such as gpu."
        elif group in PRIVILEGED_GROUPS and not _accepts(settings, "privileged_groups"):
            yield (
                f"unix_groups: {group} hands the whole host to this user's notebooks; leave it out, or say "
                "jupyterhub_accept_risks: [privileged_groups]."
            )
    if user["password_hash"] and not CRYPT.fullmatch(user["password_hash"]):
        yield (
            "password_hash must be a hash such as `mkpasswd` prints, beginning with $y$, $6$, $5$ or $2b$. A password "
            "itself goes into password."
        )
    if all(map(user.get, SECRETS)):
        yield "password and password_hash say the same thing; keep one."
    if user["password"] and not is_password(user["password"]):
        yield (
            "a password has at least 8 characters, none of them a control character, and no blank or line end around "
            "it, which login forms drop."
        )
    if user["password"] and settings["authenticator"] == "native":
        yield "native: write password_hash, beginning with $2b$ (mkpasswd --method=bcrypt): the hub takes it over."


def _limits(settings: dict) -> Iterator[str]:
    for where, limits in jupyterhub_config.limits_by_place(settings).items():
        if not isinstance(limits, dict) or not set(limits) <= set(LIMITS):
            yield f"{where} must hold {', '.join(LIMITS)} and nothing else, such as {{memory_max: 2G}}."
        else:
            yield from (f"{where}: {text}" for text in amounts(limits))
    for name in settings["group_limits"]:
        if not HUB_GROUP.fullmatch(name):
            yield f"jupyterhub_group_limits: '{name}' must be the name of a group of the hub, such as staff."
    for name in settings["user_limits"]:
        if not PERSON.fullmatch(name):
            yield f"jupyterhub_user_limits: '{name}' must be the name of a user, such as ada."
    are_limited = any((settings["limits"], settings["group_limits"], settings["user_limits"]))
    if settings["spawner"] == "local" and are_limited:
        yield (
            "jupyterhub_spawner: local starts processes beside the hub, which nothing limits; write systemd, or "
            "leave jupyterhub_limits, jupyterhub_group_limits and jupyterhub_user_limits empty."
        )
    if settings["spawner"] != "systemd" and settings["sandbox"] != "standard":
        yield (
            f"jupyterhub_sandbox: {settings['sandbox']} is for jupyterhub_spawner: systemd; {settings['spawner']} "
            "starts servers without a sandbox of ours."
        )


def _servers(settings: dict) -> Iterator[str]:
    if settings["named_servers"] < 0:
        yield "jupyterhub_named_servers is the number of servers that a user may have beside the first; 0 or more."
    if not PAGE.fullmatch(settings["default_url"]):
        yield f"jupyterhub_default_url: '{settings['default_url']}' must begin with a slash, such as /lab or /tree."
    if settings["root_dir"] and not INSIDE.fullmatch(settings["root_dir"]):
        yield (
            f"jupyterhub_root_dir: '{settings['root_dir']}' must be a directory inside of every user's home, relative "
            "to it and without . or .., such as notebooks."
        )
    idle = settings["cull_idle_seconds"]
    if idle and idle < SHORTEST_IDLE_SECONDS:
        yield (
            f"jupyterhub_cull_idle_seconds: {idle} must be 0 (never) or at least {SHORTEST_IDLE_SECONDS}; servers tell "
            "of their activity four times in it, and not more often than every 15 s."
        )
    if settings["archive_limit_gb"] < 0:
        yield "jupyterhub_archive_limit_gb must be 0 or more; 0 is for no limit."
    if settings["upload_limit_mb"] < 1:
        yield "jupyterhub_upload_limit_mb must be 1 or more."


def _services(services: list[dict]) -> Iterator[str]:
    names = [str(service.get("name", "")) for service in services]
    yield from _names("service", names, SERVICE, "at most 64 lower-case letters, digits and single hyphens")
    for service, name in zip(services, names):
        yield from (f"jupyterhub_services: {name}: {text}" for text in _service(service))


def _names(kind: str, names: list[str], pattern: re.Pattern[str], form: str) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if not pattern.fullmatch(name) or name in TAKEN or names.count(name) > 1:
            yield (
                f"jupyterhub_{kind}s: '{name}' must be the name of one {kind} only, of {form}, and none of "
                f"{', '.join(TAKEN)}, which are the role's."
            )


def _service(service: dict) -> Iterator[str]:
    if "api_token" in service:
        yield (
            "api_token is made by the role, in secrets/<name>_token below the hub's directory in /etc; leave it out."
        )
    if "admin" in service or "oauth_roles" in service:
        yield "admin and oauth_roles are old names; give the service a role with its scopes in jupyterhub_roles."
    unknown = sorted(map(str, set(service) - {*SERVICE_KEYS, "api_token", "admin", "oauth_roles"}))
    if unknown:
        yield f"{', '.join(unknown)}: unknown; a service has {', '.join(SERVICE_KEYS)}."
    url = service.get("url", "")
    if url and not re.fullmatch(r"https?://[^\s/]+(/[^\s]*)?", str(url)):
        yield "url must be where the hub's proxy finds the service, such as http://127.0.0.1:9000."
    if service.get("command"):
        if not _texts(service["command"]):
            yield "command must be a list of texts that begins with the program."
        if not ACCOUNT.fullmatch(str(service.get("user"))) or service["user"] == "root":
            yield "command would run as root, like the hub; name another account in user."
    if not str(service.get("oauth_client_id", "service-")).startswith("service-"):
        yield "oauth_client_id must begin with service-; leave it out."
    if service.get("oauth_client_id") and not (url or service.get("oauth_redirect_uri")):
        yield "a service outside of the proxy (without url) needs oauth_redirect_uri for people to log in."


def _roles(settings: dict) -> Iterator[str]:
    roles = settings["roles"]
    services = {str(service.get("name")) for service in settings["services"]}
    users = {user["name"] for user in settings["users"] if user["state"] == "present"}
    names = [str(role.get("name", "")) for role in roles]
    yield from _names("role", names, ROLE, "at least 3 lower-case letters, digits and . _ ~ -")
    for role, name in zip(roles, names):
        where = f"jupyterhub_roles: {name}"
        unknown = sorted(map(str, set(role) - set(ROLE_KEYS)))
        if unknown:
            yield f"{where}: {', '.join(unknown)}: unknown; a role has {', '.join(ROLE_KEYS)}."
        wrong = [key for key in ("scopes", "users", "groups", "services") if key in role and not _texts(role[key])]
        if wrong:
            yield f"{where}: {', '.join(wrong)} must be a list of texts; leave it out if there is none."
            continue
        for service in set(role.get("services", [])) - services:
            yield f"{where}: there is no service {service}; add it to jupyterhub_services."
        # The hub would make a record of each, and would not start without their accounts.
        for user in sorted(set(role.get("users", [])) - users):
            yield f"{where}: {user} is not in jupyterhub_users; add it there, or give the role to a group."


def doubts(settings: dict) -> Iterator[str]:
    """The groups and people that are nowhere in the list of users: likely misspelt.

    The hub may know more of both, by its logins and its admin page. Where no user has a group, all come from there.
    """
    users = [user for user in settings["users"] if user["state"] == "present"]
    groups = dict.fromkeys(group for user in users for group in user["groups"])
    named = {
        "jupyterhub_group_limits": settings["group_limits"],
        **{f"jupyterhub_profiles: {profile['name']}": profile["groups"] for profile in settings["profiles"]},
        **{f"jupyterhub_roles: {role['name']}": role.get("groups", ()) for role in settings["roles"]},
    }
    for where, names in named.items():
        for name in names if groups else ():
            if name not in groups:
                yield f"{where}: nobody in jupyterhub_users is in the group '{name}'{nearest(name, groups)}"
    people = {user["name"]: None for user in users}
    for name in settings["user_limits"] if people and not settings["create_accounts"] else ():
        if name not in people:
            yield f"jupyterhub_user_limits: '{name}' is not in jupyterhub_users{nearest(name, people)}"


def _texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) and text for text in value)


def _database(database: str) -> Iterator[str]:
    # The address may hold a password.
    if not DATABASE.fullmatch(database):
        yield (
            "jupyterhub_database must be sqlite, postgresql (a server that the role installs), or an address that "
            "begins with postgresql:// or with sqlite:/// and an absolute path; the role can copy and restore these."
        )


def _accepts(settings: dict, risk: str) -> bool:
    return risk in settings["accept_risks"]
