# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files of a hub and of its users' servers.

The hub runs `public` merged with `secret`; what jupyterhub_login.py judges is that same object.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ansible.utils.vars import merge_hash
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PRIVILEGED_GROUPS
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.authenticators import CLASSES, KINDS
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import (
    ELSEWHERE,
    POSTGRESQL,
    SQLITE,
    postgresql_address,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    intervals,
    jupyterhub_folders,
    jupyterhub_profiles,
    variables,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import UNIX, Endpoint
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.jupyterlab import MEMORY, QUIET, programs

Settings = Mapping[str, Any]
Options = dict[str, Any]

SPAWNERS = {"systemd": "BoundedSystemdSpawner", "local": "SurvivingLocalSpawner", "slurm": "SlurmSpawner"}
# Each service may do what it needs and no more. Only administrators may make administrators, so `users` is one.
ROLES = {
    "users": {"name": "admin", "services": ["users"]},
    "metrics": {"name": "metrics", "services": ["metrics"], "scopes": ["read:metrics"]},
    "culler": {
        "name": "culler",
        "services": ["culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
}
# No two people have names there that differ in case alone. PAM asks the host, where two accounts may.
CASELESS = ("github", "google", "gitlab", "ldap", "native")
CERT_REQUIRED = 2  # ssl.CERT_REQUIRED
# Of a request to the hub, as nginx writes it; the hub itself has the same limit, see its address.py.
LONGEST_BODY = "1m"
# Where a proxy listens that takes no UNIX socket, if nothing is said.
ADDRESS = "127.0.0.1:8000"


def class_path(settings: Settings) -> str:
    """The path of the authenticator's class."""
    return CLASSES.get(settings["authenticator"], settings["authenticator"])


def class_name(settings: Settings) -> str:
    """The name of the authenticator's class, under which its options stand."""
    return class_path(settings).rpartition(".")[2]


def proxy_name(settings: Settings) -> str:
    """The name of the proxy's class."""
    return "RunningTraefikProxy" if settings["traefik"] else "ConfigurableHTTPProxy"


def spawner_module(settings: Settings) -> str:
    """The module of the spawner's class."""
    return f"nbops_jupyterhub.{'slurm' if settings['spawner'] == 'slurm' else 'spawner'}"


def kind_of(settings: Settings) -> str:
    """The short name of the authenticator, also for the path of a class that has one; else the class's name."""
    name = class_name(settings)
    return KINDS.get(name.removeprefix("Local"), name)


def listen(settings: Settings) -> str:
    """Where the proxy listens, as it was written. traefik takes no UNIX socket, and TLS is for an address."""
    return settings["listen"] or (ADDRESS if settings["traefik"] or settings["certificate"] else UNIX)


def endpoint(settings: Settings) -> Endpoint:
    """Where the proxy listens. Raises ValueError."""
    return Endpoint.parse(listen(settings), _proxy_socket(settings))


def proxy_directory(name: str) -> str:
    """Where the sockets are of the proxy, and of the hub for it."""
    return f"/run/{name}-proxy"


def _proxy_socket(settings: Settings) -> str:
    return f"{proxy_directory(settings['name'])}/proxy.sock"


def hub_endpoint(settings: Settings) -> Endpoint:
    """Where the hub's API answers on its own host."""
    return Endpoint("127.0.0.1", settings["hub_port"])


def pages_endpoint(settings: Settings) -> Endpoint:
    """Where the hub's pages answer, the login among them: the proxy alone gets there. traefik asks at the port."""
    return Endpoint(socket=f"{proxy_directory(settings['name'])}/hub.sock")


def api_endpoint(settings: Settings) -> Endpoint:
    """Where the proxy is told its routes."""
    return Endpoint("127.0.0.1", settings["proxy_api_port"])


def config_path(settings: Settings) -> str:
    """The path of the hub's configuration."""
    return f"/etc/{settings['name']}/config.json"


def python_directory(settings: Settings) -> str:
    """Where the Python lies that the hub loads after its configuration."""
    return f"/etc/{settings['name']}/python_config"


def routes_directory(settings: Settings) -> str:
    """Where the hub writes traefik's routes."""
    return f"/var/lib/{settings['name']}/traefik"


def routes_file(settings: Settings) -> str:
    """The file of traefik's routes."""
    return f"{routes_directory(settings)}/routes.toml"


def hub_socket(settings: Settings) -> str:
    """Where users' servers reach the hub without a network."""
    return f"/run/{settings['name']}/hub.sock"


def servers_group(settings: Settings) -> str:
    """The system group of those who reach users' servers: the hub, and its proxy or what forwards to them."""
    return f"{settings['name']}-servers"


def port_prefix(name: str) -> str:
    """What the names of a hub's units begin with that have a port for a user's server."""
    return f"{name}-port"


def tunnel_prefix(name: str) -> str:
    """What the names of a hub's units begin with that lead to servers on other hosts."""
    return f"{name}-tunnel"


def nodes_endpoint(settings: Settings) -> Endpoint:
    """Where servers on other hosts reach the hub. Raises ValueError."""
    return Endpoint.parse(settings["slurm_listen"])


def users_units(settings: Settings) -> str:
    """The pattern of the units of users' servers."""
    return f"{settings['name']}-user-*.service"


def database(settings: Settings) -> dict[str, str]:
    """The kind of a hub's database, and its file; the address of a server elsewhere may hold a password."""
    given = settings["database"]
    if given.startswith("sqlite:"):
        return {"database": SQLITE, "file": given.removeprefix("sqlite:///")}
    if given == SQLITE:
        return {"database": SQLITE, "file": f"/var/lib/{settings['name']}/jupyterhub.sqlite"}
    return {"database": POSTGRESQL if given == POSTGRESQL else ELSEWHERE, "file": ""}


def slice_name(name: str) -> str:
    """The slice of users' servers. By a hyphen it would be a part of another hub's, and end with that."""
    return f"{name.replace('-', '_')}.slice"


def own_services(settings: Settings) -> list[str]:
    """The names of the role's own services."""
    return [name for name in ROLES if name != "culler" or settings["cull_idle_seconds"]]


def limits_by_place(settings: Settings) -> dict[str, Any]:
    """The limits of servers by where they are written: a variable, with the group or the user."""
    return {
        "jupyterhub_limits": settings["limits"],
        **{f"jupyterhub_group_limits: {name}": limits for name, limits in settings["group_limits"].items()},
        **{f"jupyterhub_user_limits: {name}": limits for name, limits in settings["user_limits"].items()},
    }


def merged(settings: Settings) -> Options:
    """The configuration that the hub runs, secrets included."""
    return merge_hash(public(settings), secret(settings))


def public(settings: Settings) -> Options:
    """The configuration of the hub without secrets."""
    return merge_hash(own(settings), settings["config"])


def own(settings: Settings) -> Options:
    """What the role says of the hub, without secrets."""
    config: Options = {
        "JupyterHub": _hub(settings),
        "Authenticator": {
            "allow_existing_users": False,
            "any_allow_config": True,
            "enable_auth_state": settings["auth_state"],
        },
        "ListedAuthenticator": {
            "account_group": settings["name"],
            "accounts": settings["username_map"],
            "ignore_case": kind_of(settings) in CASELESS,
            "audit_identifier": f"{settings['name']}-audit" if settings["audit"] else "",
        },
        "Spawner": _spawner(settings),
        SPAWNERS[settings["spawner"]]: _accounts_and_limits(settings),
    }
    authenticator = {class_name(settings): settings["authenticator_options"]}
    for options in (_proxy(settings), _authenticator(settings), authenticator):
        config = merge_hash(config, options)
    return config


def secret(settings: Settings) -> Options:
    """The part of the hub's configuration that is merged into its file without being shown."""
    config: Options = {"JupyterHub": {"db_url": _database_url(settings)}}
    if settings["oauth_client_secret"]:
        config[class_name(settings)] = {"client_secret": settings["oauth_client_secret"]}
    return merge_hash(config, settings["secret_config"])


def files(settings: Settings, python_config: Options) -> list[dict[str, Any]]:
    """All configuration files without secrets, for the module jupyter_config; with the Python that the hub loads."""
    name = settings["name"]
    modules = (
        *("jupyterhub.app", "jupyterhub.auth", "nbops_jupyterhub.authenticator", spawner_module(settings)),
        class_path(settings).rpartition(".")[0],
        *(["nbops_jupyterhub.proxy"] if settings["traefik"] else []),
    )
    return [
        {
            "path": config_path(settings),
            "python": f"/opt/{name}/hub/current/bin/python",
            "modules": list(dict.fromkeys(modules)),
            "config": public(settings),
            "python_config": python_config,
            # A server keeps the path at which it was started: the hub would wait for it at the new one.
            "kept_path": {
                "option": "JupyterHub.bind_url",
                "units": users_units(settings),
                "variable": "jupyterhub_base_url",
            },
        },
        *servers_files(settings),
    ]


def servers_files(settings: Settings) -> list[dict[str, Any]]:
    """The configuration files of users' servers."""
    name = settings["name"]
    directory = f"/etc/{name}/singleuser"
    return [
        {
            "path": f"{directory}/jupyter_server_config.json",
            "mode": "0644",
            "python": f"/opt/{name}/user/current/bin/python",
            "modules": [
                "jupyterlab.labapp",
                "jupyter_server.serverapp",
                "jupyterhub.singleuser.extension",
                "nbops_singleuser",
            ],
            "config": _users_servers(settings),
        },
        # Without this mark Jupyter would look for the files of an old IPython, and fail to write it.
        {"path": f"{directory}/migrated", "mode": "0644"},
        {
            "path": f"{directory}/labconfig/default_setting_overrides.json",
            "mode": "0644",
            "config": QUIET,
        },
    ]


def _hub(settings: Settings) -> Options:
    name = settings["name"]
    # The hub's page takes HTML there.
    announcement = "<br>".join(filter(None, (html.escape(settings["closed"]), settings["announcement"])))
    hub, services, idle = hub_endpoint(settings), own_services(settings), settings["cull_idle_seconds"]
    options = {
        "bind_url": f"{_bind_host(settings)}{settings['base_url']}",
        "hub_ip": hub.ip,
        "hub_port": hub.port,
        "cleanup_servers": False,
        "cleanup_proxy": False,
        "last_activity_interval": _activity_interval(idle),
        "authenticator_class": class_path(settings),
        "spawner_class": f"{spawner_module(settings)}.{SPAWNERS[settings['spawner']]}",
        "services": [{"name": service} for service in services] + settings["services"],
        "load_roles": [ROLES[service] for service in services] + settings["roles"],
        "trusted_downstream_ips": ["127.0.0.1", "::1"],
        "allow_named_servers": settings["named_servers"] > 0,
        "named_server_limit_per_user": settings["named_servers"],
        "template_paths": [f"/opt/{name}/hub/current/templates"] if settings["templates"] else [],
        "template_vars": {"announcement": announcement} if announcement else {},
    }
    if settings["public_url"]:
        options["public_url"] = settings["public_url"] + settings["base_url"]
    if settings["subdomains"]:
        options["subdomain_host"] = settings["public_url"]
        # A page below the hub's name sets cookies for all of it, but none with the prefix, which needs TLS.
        options["cookie_host_prefix_enabled"] = settings["public_url"].startswith("https://")
    return options


def _bind_host(settings: Settings) -> str:
    """Where the proxy listens, as JupyterHub writes it."""
    if listen(settings) == UNIX:
        return f"http+unix://{quote(_proxy_socket(settings), safe='')}"
    return f"{'https' if settings['certificate'] else 'http'}://{listen(settings)}"


def _activity_interval(idle_seconds: int) -> int:
    """Seconds between two reports of a server's activity: as exact as the culler needs, else JupyterHub's default."""
    return intervals.cull_interval(idle_seconds) if idle_seconds else intervals.LONGEST_SECONDS


def _spawner(settings: Settings) -> Options:
    name = settings["name"]
    current = f"/opt/{name}/user/current"
    environment = {
        # The spawner knows the home.
        "PATH": programs(current, "~"),
        "LANG": "C.UTF-8",
        "JUPYTER_CONFIG_DIR": f"/etc/{name}/singleuser",
        "JUPYTER_PATH": f"{current}/overlay/share/jupyter",
        "JUPYTERHUB_ACTIVITY_INTERVAL": str(_activity_interval(settings["cull_idle_seconds"])),
    }
    return {
        "cmd": [f"{current}/bin/jupyterhub-singleuser"],
        "default_url": settings["default_url"],
        # A small host on which everybody starts after a reboot, or a queue. A server that ends is told at once.
        "start_timeout": 600 if settings["spawner"] == "slurm" else 120,
        "disable_user_config": True,
        "env_keep": [],
        "environment": {**environment, **variables.texts(settings["environment"])},
        **({"notebook_dir": f"~/{settings['root_dir']}"} if settings["root_dir"] else {}),
    }


def _accounts_and_limits(settings: Settings) -> Options:
    name = settings["name"]
    options = {
        "account_group": name,
        "create_accounts": settings["create_accounts"],
        "runtime_directory": f"{name}-users",
        "sockets_directory": f"{name}-sockets",
        "servers_group": servers_group(settings),
        "hub_socket": hub_socket(settings),
        # traefik reaches no UNIX socket.
        "proxy_needs_ports": bool(settings["traefik"]),
        "port_prefix": port_prefix(name),
        **({"profiles": jupyterhub_profiles.options(settings)} if settings["profiles"] else {}),
        "privileged_groups": list(PRIVILEGED_GROUPS),
        "privileged_people": "privileged_groups" in settings["accept_risks"],
        "closed": settings["closed"],
    }
    if settings["spawner"] == "systemd":
        options |= {
            "unit_prefix": f"{name}-user",
            "slice": slice_name(name),
            **_limits(settings),
            "shared_folders": jupyterhub_folders.paths(settings),
        }
    if settings["spawner"] == "slurm":
        options |= {
            "hub_name": name,
            "partition": settings["slurm_partition"],
            "time": settings["slurm_time"],
            "nodes_address": settings["slurm_listen"],
            "ports": settings["slurm_ports"],
            "tunnel_prefix": tunnel_prefix(name),
            **_limits(settings),
            # Seconds. One question to Slurm is for all servers.
            "poll_interval": 5,
        }
    return options


def _limits(settings: Settings) -> Options:
    return {kind: settings[kind] for kind in ("limits", "group_limits", "user_limits")}


def _proxy(settings: Settings) -> Options:
    api_url = f"http://{api_endpoint(settings).connect}"
    if not settings["traefik"]:
        return {proxy_name(settings): {"should_start": False, "api_url": api_url}}
    credentials = f"/run/credentials/{settings['name']}-proxy.service"
    pair = {"certFile": f"{credentials}/fullchain.pem", "keyFile": f"{credentials}/privkey.pem"}
    tls = {"tls": {"stores": {"default": {"defaultCertificate": pair}}}}
    return {
        "JupyterHub": {"proxy_class": f"nbops_jupyterhub.proxy.{proxy_name(settings)}"},
        proxy_name(settings): {
            "should_start": False,
            "dynamic_config_file": routes_file(settings),
            "traefik_api_url": api_url,
            "traefik_api_username": "hub",
            "traefik_entrypoint": "proxy",
            "traefik_api_entrypoint": "proxy-api",
            "extra_dynamic_config": tls if settings["certificate"] else {},
        },
    }


def _authenticator(settings: Settings) -> Options:
    options: Options = {}
    if settings["oauth_client_id"]:
        options["client_id"] = settings["oauth_client_id"]
        options["oauth_callback_url"] = f"{settings['public_url']}{settings['base_url']}hub/oauth_callback"
    if kind_of(settings) == "ldap":
        # ldap3 accepts any certificate by default.
        options["tls_kwargs"] = {"validate": CERT_REQUIRED}
    return {class_name(settings): options}


def _database_url(settings: Settings) -> str:
    found = database(settings)
    if found["database"] == SQLITE:
        return f"sqlite:///{found['file']}"
    address = postgresql_address(settings["name"]) if found["database"] == POSTGRESQL else settings["database"]
    # SQLAlchemy would look for a driver that the environment does not have.
    return re.sub(r"^postgresql://", "postgresql+psycopg://", address)


def _users_servers(settings: Settings) -> Options:
    limit = settings["upload_limit_mb"] * 2**20
    options = {
        "ServerApp": {
            "max_body_size": limit,
            "max_buffer_size": limit,
            # A message to a kernel, such as a file that a widget uploads, may be as large as a request.
            "tornado_settings": {"websocket_max_message_size": limit},
            "terminado_settings": {"shell_command": ["/bin/bash"]},
            "jpserver_extensions": {"nbops_singleuser": True, **MEMORY},
        },
        "KernelManager": {"transport": "ipc"},
        "LabApp": {"extension_manager": "readonly"},
        **jupyterhub_folders.links(settings),
    }
    return merge_hash(options, settings["user_config"])
