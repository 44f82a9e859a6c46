# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of a hub: the hub, its proxy, the culler, and what the units of users' servers have in common."""

from __future__ import annotations

import posixpath
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    addresses,
    heads,
    intervals,
    python_config,
    sandbox,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import START_SECONDS, Endpoint
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.jupyterhub_config import (
    Settings,
    api_endpoint,
    config_path,
    endpoint,
    hub_endpoint,
    hub_socket,
    nodes_endpoint,
    own_services,
    pages_endpoint,
    port_prefix,
    python_directory,
    routes_directory,
    routes_file,
    servers_group,
    slice_name,
    tunnel_prefix,
)

Unit = dict[str, Any]

# What a hub may listen on: its API's address, that of its pages for the proxy, the proxy's own (an address or a socket
# for the web server), that where the proxy is told its routes, and one for servers on other hosts.
PLACES = {
    "hub": hub_endpoint,
    "hub-pages": pages_endpoint,
    "proxy": endpoint,
    "proxy-unix": endpoint,
    "proxy-api": api_endpoint,
    "nodes": nodes_endpoint,
}
# Of units that the hub makes when it starts a server.
DROP_IN = "50-sandbox"
TRAEFIK_PAGE = "https://jupyterhub-traefik-proxy.readthedocs.io/"
PROXY_PAGE = "https://github.com/jupyterhub/configurable-http-proxy"


def units(settings: Settings) -> list[Unit]:
    """All units, for the module systemd_units."""
    if settings["state"] == "absent":
        return absent_units(settings["name"])
    culler = _culler(settings) if settings["cull_idle_seconds"] else _absent(f"{settings['name']}-culler.service")
    parts = _parts(settings)
    sockets = [_socket(settings, part) for part in PLACES if part in parts]
    # While the web server still leads to the former address, the proxy answers there too, see `former`.
    kept = () if "proxy" in parts else ("proxy",)
    sockets += [unit for part in PLACES if part not in (*parts, *kept) for unit in _left(settings, part)]
    servers = [_slice(settings), _sandbox(settings), *_ports(settings), *_tunnels(settings)]
    return [*servers, _holder(settings), *sockets, _proxy(settings), _hub(settings), culler]


def former(settings: Settings) -> list[Unit]:
    """What goes once the web server leads to the proxy's socket: the address that an older hub was reached at."""
    return [] if "proxy" in _parts(settings) else _left(settings, "proxy")


def _left(settings: Settings, part: str) -> list[Unit]:
    """A place that is let go, and what connections to it started: systemd opens no socket while that runs."""
    return [_absent(unit) for unit in (f"{settings['name']}-{part}.socket", _holder_of(settings, part))]


def _holder_of(settings: Settings, part: str) -> str:
    return holder_name(settings["name"]).replace("@.", f"@{settings['name']}-{part}.")


def _parts(settings: Settings) -> list[str]:
    """The places that a hub has."""
    return [
        "hub",
        # traefik asks the hub at its port.
        *([] if settings["traefik"] else ["hub-pages"]),
        "proxy-unix" if endpoint(settings).socket else "proxy",
        "proxy-api",
        *(["nodes"] if settings["slurm_listen"] else []),
    ]


def absent_units(name: str) -> list[Unit]:
    """The units of a hub that is removed."""
    return [
        *(_absent(f"{unit}.service") for unit in (f"{name}-culler", name, f"{name}-proxy", f"{name}-address@")),
        *(_absent(f"{name}-{part}.socket") for part in PLACES),
        {**_absent(f"{name}-user-.service"), "drop_in": DROP_IN},
        *({**_absent(f"{port_prefix(name)}-.{kind}"), "drop_in": DROP_IN} for kind in ("socket", "service")),
        *_absent_tunnels(name),
        *map(_absent, dict.fromkeys((slice_name(name), _former_slice(name)))),
    ]


def successors(settings: Settings) -> list[str]:
    """The units that take the place of a hub that was set up by hand."""
    name, parts = settings["name"], _parts(settings)
    holders = [_holder_of(settings, part) for part in parts]
    return [*_sockets(settings, *parts), *holders, f"{name}.service", f"{name}-proxy.service"]


def holder_name(name: str) -> str:
    """The template of what connections to a hub start."""
    return f"{name}-address@.service"


def secret_names(settings: Settings) -> list[str]:
    """The files in the directory of secrets that the role makes."""
    # The hub makes the token of a service that it starts itself.
    services = [service["name"] for service in settings["services"] if "command" not in service]
    return [
        *("cookie_secret", "proxy_token"),
        *(["crypt_key"] if settings["auth_state"] else []),
        *(f"{service}_token" for service in (*own_services(settings), *services)),
    ]


def secrets_directory(settings: Settings) -> str:
    """Where the secrets stand."""
    return f"/etc/{settings['name']}/secrets"


def token_file(settings: Settings) -> str:
    """The token of the role's own service, which manages users."""
    return f"{secrets_directory(settings)}/users_token"


def api_url(settings: Settings) -> str:
    """The hub's REST API."""
    return f"{_hub_url(settings)}api"


def _hub_url(settings: Settings) -> str:
    return f"http://{hub_endpoint(settings).connect}{settings['base_url']}hub/"


def _hub_release(settings: Settings) -> str:
    return f"/opt/{settings['name']}/hub/current"


def _absent(name: str) -> Unit:
    return {"name": name, "state": "absent"}


def _slice(settings: Settings) -> Unit:
    name = settings["name"]
    sections = {"Unit": {"Description": f"Notebook servers of {name}"}, "Slice": {"MemoryAccounting": True}}
    return {"name": slice_name(name), "sections": sections}


def _former_slice(name: str) -> str:
    """The slice that an older version gave to a hub. Servers that ran then are in it, so it goes only with the hub."""
    return f"{name}.slice"


def _sandbox(settings: Settings) -> Unit:
    """The drop-in of users' servers: each is a unit that the hub makes when it starts one."""
    # The directory of the hub's socket, because the socket is made anew.
    hub = {"BindReadOnlyPaths": f"-{posixpath.dirname(hub_socket(settings))}"}
    # A kernel that takes too much memory ends alone; the server and the other kernels go on.
    memory = {"OOMPolicy": "continue"}
    return {
        "name": f"{settings['name']}-user-.service",
        "drop_in": DROP_IN,
        "sandbox": settings["sandbox"],
        "sections": {"Service": {**hub, **memory}},
    }


def _ports(settings: Settings) -> list[Unit]:
    """The drop-ins of what has a port for a user's server, where the proxy or the hub reaches no UNIX socket."""
    # systemd hands over the port, and a server is a socket.
    rights = {"SupplementaryGroups": servers_group(settings), "RestrictAddressFamilies": "AF_UNIX"}
    return _forwarders(settings, port_prefix(settings["name"]), {"NoDelay": True}, rights)


def _tunnels(settings: Settings) -> list[Unit]:
    """The drop-ins of what leads to a user's server on another host."""
    if not settings["slurm_listen"]:
        return _absent_tunnels(settings["name"])
    return _forwarders(settings, tunnel_prefix(settings["name"]), {}, {})


def _absent_tunnels(name: str) -> list[Unit]:
    return [{**_absent(f"{tunnel_prefix(name)}-.{kind}"), "drop_in": DROP_IN} for kind in ("socket", "service")]


def _forwarders(settings: Settings, prefix: str, socket: dict[str, Any], service: dict[str, Any]) -> list[Unit]:
    """The drop-ins of all sockets with a prefix, and of what forwards their connections."""
    place = {"Slice": slice_name(settings["name"])}
    # Whoever connects again and again to a server that is away must not cost the address.
    sockets = {"Socket": {**place, **socket, "TriggerLimitIntervalSec": 0}}
    # A connection has up to two sockets and two pipes.
    forwarder = {**place, "DynamicUser": True, **service, "LimitNOFILE": 8192}
    services = {"Unit": {"StartLimitIntervalSec": 0}, "Service": forwarder}
    return [
        {"name": f"{prefix}-.socket", "drop_in": DROP_IN, "sections": sockets},
        {"name": f"{prefix}-.service", "drop_in": DROP_IN, "sandbox": "daemon", "sections": services},
    ]


def _holder(settings: Settings) -> Unit:
    return addresses.holder(holder_name(settings["name"]), f"Connections to {settings['name']} wait for it: %i")


def _socket(settings: Settings, part: str) -> Unit:
    name, endpoints = settings["name"], [PLACES[part](settings)]
    if part == "hub":
        endpoints.append(Endpoint(socket=hub_socket(settings)))
    unit = addresses.held(
        f"{name}-{part}.socket",
        endpoints,
        holder_name(name),
        description=f"Address of {name}: {part}",
        # By this, traefik and the proxy's start script know for which of their addresses it is.
        descriptor=part,
        access={"SocketUser": "root", "SocketGroup": _visitors(settings)[part], "SocketMode": "0660"}
        if part in _visitors(settings)
        else None,
    )
    if part == "nodes":
        # When the host starts, its address may come later.
        unit["sections"]["Socket"]["FreeBind"] = True
    if part == "proxy-api" and settings["traefik"]:
        # When the host starts, nobody has the ports to which the routes lead until the hub has written new ones.
        unit["sections"]["Socket"]["ExecStartPre"] = f"/usr/bin/rm --force {routes_file(settings)}"
    return unit


def _visitors(settings: Settings) -> dict[str, str]:
    """Who may open which socket, beside root."""
    return {"hub-pages": servers_group(settings), "proxy-unix": settings["socket_group"]}


def _sockets(settings: Settings, *parts: str) -> list[str]:
    return [f"{settings['name']}-{part}.socket" for part in parts]


def _proxy(settings: Settings) -> Unit:
    name, traefik = settings["name"], settings["traefik"]
    credentials = {"proxy_token": f"{secrets_directory(settings)}/proxy_token"}
    if settings["certificate"]:
        pair = f"/etc/ssl/jupyter/{settings['certificate']}"
        credentials |= {"fullchain.pem": f"{pair}/fullchain.pem", "privkey.pem": f"{pair}/privkey.pem"}
    own = "proxy-unix" if endpoint(settings).socket else "proxy"
    sockets = _sockets(settings, own, "proxy-api")
    # Of a hub that had an address before; elsewhere there is no such unit, and nothing to hand over.
    moved = _sockets(settings, "proxy") if own == "proxy-unix" else []
    service = {
        "Type": "exec",
        "DynamicUser": True,
        "Sockets": " ".join([*sockets, *moved]),
        "ExecStart": _traefik(settings) if traefik else _configurable_proxy(settings),
        "Restart": "always",
        "RestartSec": 1,
    }
    if traefik:
        # It reads the routes in the hub's directory, and sees nothing else there.
        service |= {"TemporaryFileSystem": "/var/lib:ro", "BindReadOnlyPaths": routes_directory(settings)}
    else:
        # The sockets of servers come and go below a directory that the hub makes later.
        service |= {**sandbox.WHOLE_RUN, "SupplementaryGroups": servers_group(settings), "SuccessExitStatus": 2}
        # To the hub it goes by the socket of its pages, whatever address the hub names.
        service["Environment"] = [
            f"HUB_URL=http://{hub_endpoint(settings).connect}",
            f"HUB_SOCKET={pages_endpoint(settings).socket}",
        ]
        # The former address is left so.
        service["ExecReload"] = "/bin/kill -HUP $MAINPID"
    return {
        "name": f"{name}-proxy.service",
        "sandbox": "standard",
        "credentials": credentials,
        # Whether the hub has told it the routes is not asked: the hub starts later.
        "ready": api_endpoint(settings).ready("", "tcp"),
        "restart_on": [traefik or f"/opt/{name}/proxy/current"],
        "sections": {
            "Unit": {
                "Description": f"Proxy of {name}",
                "Documentation": TRAEFIK_PAGE if traefik else PROXY_PAGE,
                **addresses.requires(sockets),
                "After": "network.target",
                "RequiresMountsFor": f"/opt/{name}",
            },
            "Service": service,
            "Install": {"WantedBy": "multi-user.target"},
        },
    }


def _traefik(settings: Settings) -> str:
    options = [
        settings["traefik"],
        "--global.checknewversion=false --global.sendanonymoususage=false",
        f"--entrypoints.proxy.address={endpoint(settings).bind}",
        "--entrypoints.proxy.forwardedheaders.trustedips=127.0.0.1,::1",
        "--entrypoints.proxy.transport.respondingtimeouts.readtimeout=300",
        "--entrypoints.proxy.transport.lifecycle.gracetimeout=1",
        f"--entrypoints.proxy-api.address={api_endpoint(settings).connect}",
        "--api.dashboard=false",
        f"--providers.file.directory={routes_directory(settings)}",
    ]
    return " ".join(options + (["--entrypoints.proxy.http.tls=true"] if settings["certificate"] else []))


def _configurable_proxy(settings: Settings) -> str:
    current, listen, api = f"/opt/{settings['name']}/proxy/current", endpoint(settings), api_endpoint(settings)
    options = [
        f"{current}/bin/node --max-http-header-size={heads.PROXY} {current}/start.mjs",
        f"--socket {listen.socket}" if listen.socket else f"--ip {listen.ip} --port {listen.port}",
        f"--api-ip {api.ip} --api-port {api.port}",
        f"--error-target {_hub_url(settings)}error",
        *(["--host-routing"] if settings["subdomains"] else []),
        # A web server on this host says how the visitor came; the proxy would add how the web server did.
        *(["--no-x-forward"] if listen.is_loopback and not settings["certificate"] else []),
        *(["--ssl-cert %d/fullchain.pem --ssl-key %d/privkey.pem"] if settings["certificate"] else []),
    ]
    return _with_token("CONFIGPROXY_AUTH_TOKEN", "proxy_token", " ".join(options))


def _with_token(variable: str, credential: str, command: str) -> str:
    """A command that takes a token from its environment alone; the shell keeps it out of the unit and of its argv."""
    return f"/bin/sh -c '{variable}=$$(cat %d/{credential}) exec {command}'"


def _hub(settings: Settings) -> Unit:
    name, release, secrets = settings["name"], _hub_release(settings), secrets_directory(settings)
    credentials = {secret: f"{secrets}/{secret}" for secret in secret_names(settings)}
    python = python_config.credentials(python_directory(settings), settings["python_config"])
    database = ["postgresql.service"] if settings["database"] == "postgresql" else []
    sockets = _sockets(settings, *(part for part in ("hub", "hub-pages", "nodes") if part in _parts(settings)))
    return {
        "name": f"{name}.service",
        "sandbox": "none" if settings["spawner"] == "local" else "standard",
        "credentials": {**credentials, "config.json": config_path(settings), **python},
        "ready": hub_endpoint(settings).ready(f"{settings['base_url']}hub/health") | {"timeout": START_SECONDS},
        "restart_on": [release, config_path(settings)],
        "sections": {
            "Unit": {
                "Description": f"JupyterHub {name}",
                "Documentation": "https://jupyterhub.readthedocs.io/",
                **addresses.requires(sockets),
                # A proxy that restarts has no routes; the hub sets them all when it starts.
                "Wants": f"{name}-proxy.service",
                "PartOf": f"{name}-proxy.service",
                "After": ["network.target", f"{name}-proxy.service", *database],
                "RequiresMountsFor": [f"/opt/{name}", f"/var/lib/{name}"],
            },
            "Service": {
                **_hub_service(name, release),
                "SupplementaryGroups": servers_group(settings),
                "Sockets": " ".join(sockets),
                **_hub_sandbox(settings),
            },
            "Install": {"WantedBy": "multi-user.target"},
        },
    }


def _hub_service(name: str, release: str) -> dict[str, Any]:
    return {
        "Type": "exec",
        # Only root may start servers as other accounts.
        "User": "root",
        "WorkingDirectory": f"/var/lib/{name}",
        "StateDirectory": name,
        "StateDirectoryMode": "0700",
        "RuntimeDirectory": f"{name}-users {name}-sockets",
        "RuntimeDirectoryMode": "0711",
        "RuntimeDirectoryPreserve": True,
        # Copies and migrates a database of another version; then notes what runs as a state to roll back to.
        "ExecStartPre": f"{release}/bin/python -m nbops_jupyterhub.database prepare --name {name}",
        "ExecStartPost": f"{release}/bin/python -m nbops_jupyterhub.database healthy --name {name}",
        "TimeoutStartSec": 600,
        "ExecStart": f"{release}/bin/jupyterhub --config={release}/extensions/jupyterhub_config.py",
        "Restart": "on-failure",
        "RestartSec": 2,
        # A connection for each request that is on its way; Linux's default is 1024.
        "LimitNOFILE": 65536,
    }


def _hub_sandbox(settings: Settings) -> dict[str, Any]:
    """What differs from the sandbox profile of the hub's unit."""
    if settings["spawner"] != "local":
        # systemd or Slurm starts the servers, so the hub needs the sockets of these and no capability.
        # PAM's helper, which reads hashes, sets its user.
        return {
            "PrivateUsers": False,
            "SystemCallFilter": ["@system-service", "~@privileged", "@setuid"],
            **sandbox.WHOLE_RUN,
        }
    # Local servers are the hub's own processes: they have its sandbox, and go on when it stops.
    return {
        "KillMode": "process",
        "NoNewPrivileges": True,
        "IPAddressDeny": sandbox.DENIED,
        "OOMPolicy": "continue",
    }


def _culler(settings: Settings) -> Unit:
    name, release, idle = settings["name"], _hub_release(settings), settings["cull_idle_seconds"]
    command = (
        f"{release}/bin/python -m jupyterhub_idle_culler --url={api_url(settings)} "
        f"--timeout={idle} --cull-every={intervals.cull_interval(idle)}"
    )
    return {
        "name": f"{name}-culler.service",
        "sandbox": "daemon",
        "credentials": {"culler_token": f"{secrets_directory(settings)}/culler_token"},
        "restart_on": [release],
        "sections": {
            "Unit": {
                "Description": f"Culler of idle servers of {name}",
                "Documentation": "https://github.com/jupyterhub/jupyterhub-idle-culler",
                "After": f"{name}.service",
                "PartOf": f"{name}.service",
            },
            "Service": {
                "Type": "exec",
                "DynamicUser": True,
                "ExecStart": _with_token("JUPYTERHUB_API_TOKEN", "culler_token", command),
                "Restart": "always",
                "RestartSec": 5,
            },
            "Install": {"WantedBy": "multi-user.target"},
        },
    }
