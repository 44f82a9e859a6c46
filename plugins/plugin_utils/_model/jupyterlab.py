# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JupyterLab servers: what their entries must be, and the environments, files and units that they become."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from ansible.utils.vars import merge_hash
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person
from ansible_collections.nbops.jupyter.plugins.module_utils._lab import notes
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import homes, validation
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import combined, values_of
from ansible_collections.nbops.jupyter.plugins.plugin_utils._jupyter_password import hash_password
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    addresses,
    python_config,
    python_venv,
    sandbox,
    variables,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.amounts import LIMITS, amounts
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import START_SECONDS, Endpoint
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.intervals import cull_interval
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import (
    ACCOUNT,
    BASE_URL,
    CERTIFICATE,
    PAGE,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

USES = ("python_venv", "systemd")
# What of the plan follows from which fact of the host.
NEEDS = {"passwd": ("files", "homes", "units")}
SECRETS = ("password", "password_hash", "token")
# Jupyter's login form strips blanks around it and replaces control characters: such a password locks its owner out.
PASSWORD = re.compile(r"[^\s\x00-\x08\x0e-\x1f][^\x00-\x08\x0e-\x1f]{6,}[^\s\x00-\x08\x0e-\x1f]", re.DOTALL)
PASSWORD_HASH = re.compile(r"argon2:\$argon2(id|i|d)\$.*|[a-z0-9_-]+:[0-9a-f]+:[0-9a-f]+")
TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}")
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
DIRECTORY = re.compile(r"(/[^/\s]+)*")
OF_THE_SYSTEM = re.compile(r"/(bin|boot|dev|etc|lib|lib64|opt|proc|root|run|sbin|sys|tmp|usr)(/.*)?", re.DOTALL)
PLUGIN = re.compile(r"@?[A-Za-z0-9._/-]+:[A-Za-z0-9._-]+")
WITHOUT_LOOPBACK = ("air_gapped", "no_loopback")

FILES = COLLECTION / "roles/jupyterlab/files"
# Where a release says which parts of JupyterLab are off: details of kernels, for which nobody answers here, and another
# place for the number of the status bar, which would ask for it again.
PAGE_CONFIG = "share/jupyter/lab/settings/page_config.json"
RELEASE_FILES = {
    **{name: FILES / name for name in ("config.py", "listen.py", "nbops_memory.py")},
    "nbops_python_config.py": COLLECTION / "plugins/module_utils/_jupyter/python_config.py",
    PAGE_CONFIG: FILES / "page_config.json",
}
# What shows how much memory is taken asks nbops_memory for it, and not the extension that comes with it.
MEMORY = {"nbops_memory": True, "jupyter_resource_usage": False}
HOLDER = "jupyterlab-address@.service"
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
# How people log in is data as a whole, but for hooks. ServerApp has older names for parts of it.
LOGIN = {
    "PasswordIdentityProvider": python_config.ALL_BUT_HOOKS,
    "ServerApp": "login_handler_class|logout_handler_class|password_required|allow_password_change|cookie_options"
    "|get_secure_cookie_kwargs|allow_root|allow_credentials",
}

# The administrator updates JupyterLab: nobody is asked about news, and no version is looked up elsewhere.
QUIET = {"@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"}}


def problems(given: Given) -> list[str]:
    """What is wrong with the entries: each with the instance's name, the rule and what to write instead."""
    instances = given.settings["instances"]
    here = present(given)
    found = list(_names(instances))
    if not ACCOUNT.fullmatch(given.settings["socket_group"]):
        found.append("jupyterlab_socket_group must be the name of a group, such as www-data.")
    for instance in here:
        listeners = [other["listen"] for other in here if other is not instance]
        rules = (*_login(instance), *_listen(instance, listeners), *_paths(instance), *_amounts(instance))
        python = python_config.problems("python_config", instance["python_config"], given.host)
        texts = (*rules, *_options(instance), *python)
        found += [f"jupyterlab_instances: {instance['name']}: {text}" for text in texts]
    for settings in _environments(given) if not found else []:
        found += python_venv.release_problems({**given.others["python_venv"], **settings["release"]})
    return found


def plan(given: Given) -> dict[str, Any]:
    """Environments, files and units of all servers; nothing of it is secret.

    `given.host["homes"]` has the home directories by account, as far as they are known, and `given.host["passwd"]` all
    accounts as the module getent has them.
    """
    environments, people = _environments(given), _homes_of_people(given)
    servers = [
        Server(given, instance, environment["release"]["path"], people)
        for environment in environments
        for instance in environment["instances"]
    ]
    absent = [instance["name"] for instance in given.settings["instances"] if instance["state"] == "absent"]
    releases = [
        python_venv.release(given.others["python_venv"], **environment["release"]) for environment in environments
    ]
    named = [f"{given.settings['path']}-{instance['name']}" for instance in given.settings["instances"]]
    return {
        "install": python_venv.install_plan(releases, given.host),
        "accounts": sorted({server.user for server in servers}),
        "certificates": sorted({server.certificate for server in servers if server.certificate}),
        "directories": [
            {"path": server.root_dir, "owner": server.user} for server in servers if server.instance["root_dir"]
        ],
        "passwords": [instance["name"] for instance in present(given) if "password" in instance],
        "files": [file for server in servers for file in server.files()],
        "homes": sorted({server.home for server in servers}),
        "units": _units(given, servers, absent),
        "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
        # What was set up by hand may need the addresses again.
        "successors": [name(server.name) for name in (socket_name, holder_name, unit_name) for server in servers],
        "legacy_setup": given.settings["legacy_setup"] if any(given.settings["legacy_setup"].values()) else {},
        "path": given.settings["path"],
        "labs": [server.lab() for server in servers],
        "absent": absent,
        "remains": [path for name in absent for path in _remains(name)],
        "own_environments": sorted(set(named) - {one["path"] for one in releases}),
    }


def _units(given: Given, servers: list[Server], absent: list[str]) -> list[dict[str, Any]]:
    """The units of servers that are to go, then the addresses of the others, then these."""
    return [
        *({"name": name(instance), "state": "absent"} for name in (unit_name, socket_name) for instance in absent),
        *([addresses.holder(HOLDER, "Connections to JupyterLab wait for it: %i")] if servers else []),
        *(server.held_address(given.settings["socket_group"]) for server in servers),
        *(server.unit() for server in servers),
    ]


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"])


def secrets(given: Given) -> dict[str, Any]:
    """What opens each server, by the path of its configuration. A stored hash stays while it matches the password.

    `given.host["stored"]` has what the module slurp read of today's files, in the order of the plan's `passwords`.
    """
    stored = given.host.get("stored") or []
    hashes = {one["__jupyterlab_name"]: _stored_hash(one.get("content", "")) for one in stored}
    return {
        f"/etc/jupyterlab/{instance['name']}/config.json": {
            "PasswordIdentityProvider": _identity(instance, hashes.get(instance["name"]))
        }
        for instance in present(given)
    }


def unit_name(name: str) -> str:
    """The unit of an instance."""
    return f"jupyterlab-{name}.service"


def socket_name(name: str) -> str:
    """The unit that holds the address of an instance."""
    return f"jupyterlab-{name}.socket"


def holder_name(name: str) -> str:
    """The unit that a connection to an instance starts while the server is away."""
    return HOLDER.replace("@.", f"@jupyterlab-{name}.")


class Server:
    """One server that is present, with the paths that its files and its unit name."""

    def __init__(self, given: Given, instance: dict[str, Any], environment: str, people: list[str]) -> None:
        self.instance = instance
        self.name, self.user, self.certificate = instance["name"], instance["user"], instance["certificate"]
        service = instance["unit"].get("Service")
        # What is no mapping is refused where units are.
        self.own_service = service if isinstance(service, dict) else {}
        self.home = _home(given, self.user)
        self.people = people
        self.root_dir = instance["root_dir"] or self.home
        self.environment = environment
        self.current = f"{environment}/current"
        self.endpoint = endpoint(instance)
        # The key and the chain in one file that the account reads.
        self.pair = f"/run/jupyterlab/{self.name}.pem"
        self.python_directory = f"/etc/jupyterlab/{self.name}/python_config"
        self.host = given.host

    def files(self) -> list[dict[str, Any]]:
        """The configuration files, for the module jupyter_config."""
        directory = f"/etc/jupyterlab/{self.name}"
        return [
            {
                "path": f"{directory}/config.json",
                "python": f"{self.current}/bin/python",
                "modules": ["jupyterlab.labapp", "jupyter_server.serverapp"],
                "config": merge_hash(self._options(), self.instance["config"]),
                "python_config": python_config.plan(
                    self.python_directory, self.instance, self.host, self._guarded(), "accept_risks"
                ),
            },
            # Without this mark Jupyter would look for the files of an old IPython, and fail to write it.
            {"path": f"{directory}/migrated", "mode": "0644"},
            {
                "path": f"{directory}/labconfig/default_setting_overrides.json",
                "mode": "0644",
                "config": merge_hash(QUIET, self.instance["settings"]),
            },
        ]

    def lab(self) -> dict[str, Any]:
        """What makes the server serve as it does, for the module jupyterlab_rollback."""
        files = self.files()
        python = python_config.credentials(self.python_directory, self.instance["python_config"])
        units = (socket_name(self.name), unit_name(self.name))
        return {
            "name": self.name,
            "environment": self.environment,
            "service": unit_name(self.name),
            "socket": socket_name(self.name),
            "holder": holder_name(self.name),
            "files": [
                *(file["path"] for file in files),
                *python.values(),
                *(f"/etc/systemd/system/{unit}" for unit in units),
            ],
        }

    def _guarded(self) -> python_config.Guarded:
        """What Python leaves alone, by class and a pattern for options: each with what to do instead."""
        judged = dict.fromkeys(DANGEROUS, "write it in config, where its value is judged")
        elsewhere = {key: f"use {variable}" for key, variable in RESERVED.items()}
        found = python_config.guarded({**judged, **elsewhere}, self._options().items())
        for class_name, options in LOGIN.items():
            found.setdefault(class_name, {}).setdefault(options, "people log in as the entry says")
        return found

    def _options(self) -> dict[str, Any]:
        instance = self.instance
        idle, limit = instance["cull_idle_seconds"], instance["upload_limit_mb"] * 2**20
        return {
            "ServerApp": {
                "allow_remote_access": True,
                "allow_unauthenticated_access": False,
                "base_url": instance["base_url"],
                "jpserver_extensions": MEMORY,
                "cookie_secret_file": f"/var/lib/jupyterlab/{self.name}/cookie_secret",
                "max_body_size": limit,
                "max_buffer_size": limit,
                "open_browser": False,
                "quit_button": False,
                "root_dir": self.root_dir,
                # A message to a kernel, such as a file that a widget uploads, may be as large as a request.
                "tornado_settings": {"websocket_max_message_size": limit},
                "terminado_settings": {"shell_command": ["/bin/bash"]},
                "terminals_enabled": instance["terminals"],
                # A server that speaks TLS itself has no proxy in front of it whose headers it could trust.
                "trust_xheaders": not self.certificate,
                **self._listener(),
            },
            "PasswordIdentityProvider": {"allow_password_change": False},
            "KernelManager": {"transport": "ipc"},
            "LabApp": {"default_url": instance["default_url"], "extension_manager": "readonly"},
            "MappingKernelManager": {"cull_idle_timeout": idle, "cull_interval": cull_interval(idle)},
        }

    def _listener(self) -> dict[str, Any]:
        if self.endpoint.socket:
            # Jupyter still resolves an address, which not every loopback can.
            return {"ip": "localhost"}
        # tornado reads the pair anew for each connection, so a renewed certificate needs no restart.
        pair = {"certfile": self.pair, "keyfile": self.pair} if self.certificate else {}
        return {"ip": self.endpoint.ip, "port": self.endpoint.port, "port_retries": 0, **pair}

    def held_address(self, socket_group: str) -> dict[str, Any]:
        """The unit that holds the address; `socket_group` may open a socket beside the account."""
        return addresses.held(
            socket_name(self.name),
            [self.endpoint],
            HOLDER,
            description=f"Address of JupyterLab {self.name}",
            access={"SocketUser": self.user, "SocketGroup": socket_group, "SocketMode": "0660"},
        )

    def unit(self) -> dict[str, Any]:
        """The unit, for the module systemd_units."""
        instance, directory = self.instance, f"/etc/jupyterlab/{self.name}"
        limits = {name: instance[name] for name in LIMITS if instance[name]}
        service = self._service()
        own = {name: combined(name, service.get(name), value) for name, value in self.own_service.items()}
        sections = {
            "Unit": {
                "Description": f"JupyterLab {self.name}",
                "Documentation": "https://jupyterlab.readthedocs.io/",
                **addresses.requires([socket_name(self.name)]),
                "After": "network.target",
                "RequiresMountsFor": _distinct(self.environment, self.home, self.root_dir),
            },
            "Service": service,
            "Install": {"WantedBy": "multi-user.target"},
        }
        return {
            "name": unit_name(self.name),
            "sandbox": instance["sandbox"],
            "credentials": {
                "config.json": f"{directory}/config.json",
                **python_config.credentials(self.python_directory, instance["python_config"]),
            },
            "limits": {name: str(value) for name, value in limits.items()},
            "ready": self.endpoint.ready(f"{instance['base_url']}login", "https" if self.certificate else "http")
            | {"timeout": START_SECONDS},
            "restart_on": [
                f"{directory}/config.json",
                f"{directory}/labconfig/default_setting_overrides.json",
                self.current,
            ],
            "sections": merge_hash(sections, instance["unit"] | ({"Service": own} if own else {})),
        }

    def _service(self) -> dict[str, Any]:
        service = {
            "Type": "exec",
            "User": self.user,
            "WorkingDirectory": self.root_dir,
            "RuntimeDirectory": f"jupyterlab/{self.name}",
            "RuntimeDirectoryMode": "0700",
            "StateDirectory": f"jupyterlab/{self.name}",
            "StateDirectoryMode": "0700",
            # The directory of a pair, because the file is replaced; nothing else there is the account's to change.
            "BindPaths": [*self._writable(), *(["/run/jupyterlab"] if self.certificate else [])],
            # By its socket, the server is asked whether it is ready.
            "BindReadOnlyPaths": [self.environment, *([self.endpoint.socket] if self.endpoint.socket else [])],
            "ReadWritePaths": self._writable(),
            **homes.hiding(self.home, self.people, self._shown()),
            "Environment": [
                assignment("PATH", programs(self.current, self.home)),
                "SHELL=/bin/bash",
                f"JUPYTER_CONFIG_DIR=/etc/jupyterlab/{self.name}",
                f"JUPYTER_PATH={self.current}/overlay/share/jupyter",
                f"JUPYTER_RUNTIME_DIR=/run/jupyterlab/{self.name}/runtime",
                f"JUPYTERLAB_SETTINGS_DIR={self.home}/.jupyter/lab/user-settings",
                f"JUPYTERLAB_WORKSPACES_DIR={self.home}/.jupyter/lab/workspaces",
                # Of two values of a variable, systemd takes the last.
                *(assignment(name, value) for name, value in self.instance["environment"].items()),
            ],
            "Sockets": socket_name(self.name),
            "ExecStart": f"{self.current}/bin/python {self.current}/listen.py --config={self.current}/config.py",
            "Restart": "on-failure",
            "RestartSec": 2,
            "TimeoutStopSec": 20,
            # A kernel that takes too much memory ends alone; the server and the other kernels go on.
            "OOMPolicy": "continue",
        }
        if self.certificate:
            kept, new = f"/etc/ssl/jupyter/{self.certificate}", f"{self.pair}.new"
            # One step, so that no connection meets half of a renewed pair. It runs as root with the server's
            # environment, whose PATH has the person's own programs, so each program is one of the system by its path.
            give = (
                f"+/bin/sh -ec 'umask 377; /bin/cat {kept}/privkey.pem {kept}/fullchain.pem > {new}; "
                f"/bin/chown {self.user} {new}; /bin/mv {new} {self.pair}'"
            )
            service |= {"ExecStartPre": give, "ExecReload": give, "ExecStopPost": f"+/bin/rm --force {self.pair}"}
        return service

    def _writable(self) -> list[str]:
        """Below the home, nothing is said of its own: systemd would follow a link that the person has made there."""
        return [self.home, *([] if f"{self.root_dir}/".startswith(f"{self.home}/") else [self.root_dir])]

    def _shown(self) -> list[str]:
        """The paths beside the home that no hidden directory may take away: the server's, and what the entry binds."""
        bound = (self.own_service.get(name) for name in ("BindPaths", "BindReadOnlyPaths"))
        values = [value for one in bound for value in values_of(one)]
        # A path may be bound to another place: source:destination:options.
        places = [path.split(":")[1] if ":" in path else path for path in " ".join(values).split()]
        return [self.root_dir, self.environment, *places]


def endpoint(instance: dict[str, Any]) -> Endpoint:
    """Where an instance listens. Raises ValueError."""
    return Endpoint.parse(instance["listen"], f"/run/jupyterlab/{instance['name']}.sock")


def assignment(name: str, value: object) -> str:
    """An environment variable as the directive Environment= takes it."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{name}={text}"'


def programs(current: str, home: str) -> str:
    """Where a server with its kernels and terminals looks for programs.

    What a person installs comes after the release, so that it never takes the place of a program there.
    """
    return f"{current}/overlay/bin:{current}/bin:{home}/.local/bin:/usr/local/bin:/usr/bin:/bin"


def environment_path(path: str, instance: dict[str, Any]) -> str:
    """The environment of an instance below `jupyterlab_path`: the shared one, or one for its packages or lock."""
    return f"{path}-{instance['name']}" if instance["packages"] or instance["lock"] else path


def present(given: Given) -> list[dict[str, Any]]:
    """The instances that are present."""
    return [instance for instance in given.settings["instances"] if instance["state"] == "present"]


def _remains(name: str) -> list[str]:
    """What an instance leaves beside its units and environments."""
    return [f"/etc/jupyterlab/{name}", f"/var/lib/jupyterlab/{name}", *notes.paths(name)]


def _home(given: Given, user: str) -> str:
    # In check mode on a fresh host an account has no home yet.
    return given.host.get("homes", {}).get(user) or f"/home/{user}"


def _homes_of_people(given: Given) -> list[str]:
    accounts = given.host.get("passwd", {}).values()
    return [home for _password, uid, _gid, _comment, home, *_shell in accounts if is_person(int(uid))]


def _environments(given: Given) -> list[dict[str, Any]]:
    """The environments that the present instances need, each with its instances."""
    settings = given.settings
    instances: dict[str, list[dict[str, Any]]] = {}
    for instance in present(given):
        instances.setdefault(environment_path(settings["path"], instance), []).append(instance)
    shipped = settings["lock"] or str(FILES / "jupyterlab.txt")
    return [
        {
            "instances": using,
            "release": {
                "path": path,
                "state": "present",
                "lock": using[0]["lock"] or shipped,
                "packages": settings["packages"] if path == settings["path"] else using[0]["packages"],
                "overlay": True,
                "files": {name: path.read_text(encoding="utf-8") for name, path in RELEASE_FILES.items()},
                "setup_commands": [["overlay/bin/python", "-m", "ipykernel", "install", "--prefix", "overlay"]],
                "smoke_commands": [["bin/jupyter-lab", "--version"]],
                # What a web server may send by itself: Jupyter sends the same without a login.
                "compress": ["share/jupyter/lab/static", "share/jupyter/labextensions"],
            },
        }
        for path, using in sorted(instances.items())
    ]


def _distinct(*values: str) -> list[str]:
    return list(dict.fromkeys(values))


def _identity(instance: dict[str, Any], stored: str | None) -> dict[str, Any]:
    if "token" in instance:
        return {"token": instance["token"], "password_required": False}
    hashed = instance.get("password_hash") or hash_password(instance["password"], current=stored)
    return {"hashed_password": hashed, "password_required": True, "token": ""}


def _stored_hash(content: str) -> str | None:
    config = json.loads(base64.b64decode(content) or "{}")
    return config.get("PasswordIdentityProvider", {}).get("hashed_password")


def _names(instances: list[dict]) -> Iterator[str]:
    names = [instance["name"] for instance in instances]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or names.count(name) > 1:
            yield (
                f"jupyterlab_instances: the name '{name}' must begin with a small letter, hold small letters, digits "
                "and hyphens, at most 31 of them, and stand in one entry only."
            )


def _login(instance: dict) -> Iterator[str]:
    user = instance.get("user") or ""
    if user in ("", "root"):
        yield "user must name the account that the server runs as, and never root; write for example user: alice."
    elif not ACCOUNT.fullmatch(user):
        lower = f"; write user: {user.lower()}" if ACCOUNT.fullmatch(user.lower()) else ", such as alice"
        yield (
            f"user '{user}' is no name of an account: it begins with a small letter and holds small letters, digits, "
            f"dots, hyphens and underscores, at most 32 of them{lower}."
        )
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
    try:
        address = endpoint(instance)
    except ValueError:
        address = None
    if address is None or (listen in others and not address.socket):
        yield (
            "listen must be unix, or an address and port (1 to 65535) such as 127.0.0.1:8888 that no other instance "
            f"has; it is '{listen}'."
        )
        return
    if address.socket:
        if instance["certificate"]:
            yield "certificate is for a server with an address; behind a socket, the web server speaks TLS."
        return
    if instance["certificate"]:
        yield from _certificate(instance["certificate"], address.port)
    elif not address.is_loopback and "plain_http" not in instance["accept_risks"]:
        yield (
            f"listen '{listen}' is reachable from other hosts without TLS; listen on 127.0.0.1 or unix behind the "
            "nginx role, name a certificate, or say accept_risks: [plain_http]."
        )
    if instance["sandbox"] in WITHOUT_LOOPBACK:
        yield f"sandbox {instance['sandbox']} has no loopback that it could listen on; write listen: unix."


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
    if instance["cull_idle_seconds"] < 0 or instance["upload_limit_mb"] < 1:
        yield "cull_idle_seconds is 0 or more, upload_limit_mb is 1 or more."
    yield from amounts({name: instance[name] for name in LIMITS if instance[name]})


def _options(instance: dict) -> Iterator[str]:
    """Options that neither contradict the entry nor undo the protection."""
    if not all(PLUGIN.fullmatch(plugin) for plugin in instance["settings"]):
        yield "settings has plugin names as keys, such as '@jupyterlab/apputils-extension:themes'."
    if not all(isinstance(options, dict) for options in instance["settings"].values()):
        yield "settings has a mapping of settings for each plugin, such as {theme: JupyterLab Dark}."
    yield from variables.problems("environment", instance["environment"])
    loaded = [name for name in instance["environment"] if str(name).startswith("LD_")]
    if loaded and instance["certificate"]:
        yield (
            f"environment.{loaded[0]} would also count for root, who hands the certificate over at each start; "
            "write it into the env of a kernel, or let a web server speak TLS."
        )
    for class_name, options in instance["config"].items():
        if class_name in GONE:
            yield f"config.{class_name} is no longer read by Jupyter; write ServerApp."
        if not isinstance(options, dict):
            yield f"config.{class_name} must be a mapping of options, such as {{allow_origin: https://example.org}}."
        for option, value in options.items() if isinstance(options, dict) else ():
            name = f"{class_name}.{option}"
            if name in RESERVED:
                yield f"config.{name} has a key of its own in the entry; use {RESERVED[name]}."
            if option == "allow_root":
                yield f"config.{name} is refused; a server never runs as root, name an account in user."
            pattern, risk = DANGEROUS.get(name, (None, None))
            if pattern and re.fullmatch(pattern, str(value)) and risk not in instance["accept_risks"]:
                yield f"config.{name} takes the protection away; if that is wanted, say accept_risks: [{risk}]."
