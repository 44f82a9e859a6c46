# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of JupyterHub and of its users' servers that contradict the role's variables or undo the protection."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub_login, python_config
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.jupyterhub_config import (
    SPAWNERS,
    class_name,
    own,
    proxy_name,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.jupyterhub_login import SECRET

# Options of a class, or of all whose name ends like it, that are said elsewhere: said twice, one of the two is lost.
OWN = {
    "JupyterHub.ip": "jupyterhub_listen",
    "JupyterHub.port": "jupyterhub_listen",
    "JupyterHub.bind_url": "jupyterhub_listen and jupyterhub_base_url",
    "JupyterHub.base_url": "jupyterhub_base_url",
    "JupyterHub.public_url": "jupyterhub_public_url",
    "JupyterHub.subdomain_host": "jupyterhub_subdomains with jupyterhub_public_url",
    "JupyterHub.ssl_key": "jupyterhub_certificate",
    "JupyterHub.ssl_cert": "jupyterhub_certificate",
    "JupyterHub.hub_ip": "jupyterhub_hub_port (the hub listens on loopback)",
    "JupyterHub.hub_port": "jupyterhub_hub_port",
    "JupyterHub.hub_bind_url": "jupyterhub_hub_port",
    "JupyterHub.hub_connect_ip": "jupyterhub_hub_port (servers run on the hub's host)",
    "JupyterHub.hub_connect_port": "jupyterhub_hub_port",
    "JupyterHub.hub_connect_url": "jupyterhub_hub_port",
    "JupyterHub.proxy_api_ip": "jupyterhub_proxy_api_port",
    "JupyterHub.proxy_api_port": "jupyterhub_proxy_api_port",
    "JupyterHub.proxy_class": "jupyterhub_traefik",
    "JupyterHub.db_url": "jupyterhub_database",
    "JupyterHub.authenticator_class": "jupyterhub_authenticator",
    "JupyterHub.spawner_class": "jupyterhub_spawner",
    "JupyterHub.admin_users": "jupyterhub_users with admin: true",
    "JupyterHub.admin_access": "jupyterhub_roles with the scope access:servers",
    "JupyterHub.load_groups": "jupyterhub_users with groups",
    "JupyterHub.load_roles": "jupyterhub_roles",
    "JupyterHub.services": "jupyterhub_services",
    "JupyterHub.api_tokens": "jupyterhub_services, whose tokens the role makes",
    "JupyterHub.service_tokens": "jupyterhub_services, whose tokens the role makes",
    "JupyterHub.allow_named_servers": "jupyterhub_named_servers",
    "JupyterHub.named_server_limit_per_user": "jupyterhub_named_servers",
    "JupyterHub.template_paths": "jupyterhub_templates",
    "JupyterHub.config_file": "jupyterhub_config",
    "Spawner.cmd": "jupyterhub_user_packages for what runs, jupyterhub_default_url for what shows",
    "Spawner.default_url": "jupyterhub_default_url",
    "Spawner.notebook_dir": "jupyterhub_root_dir",
    "Spawner.user_workingdir": "jupyterhub_root_dir",
    "Spawner.environment": "jupyterhub_environment",
    "Spawner.mem_limit": "memory_max in jupyterhub_limits",
    "Spawner.cpu_limit": "cpu_quota in jupyterhub_limits",
    "Spawner.limits": "jupyterhub_limits",
    "Spawner.group_limits": "jupyterhub_group_limits",
    "Spawner.group_overrides": "jupyterhub_group_limits",
    "Spawner.args": "jupyterhub_user_config",
    "Spawner.user_limits": "jupyterhub_user_limits",
    "Spawner.profiles": "jupyterhub_profiles",
    "Spawner.shared_folders": "jupyterhub_shared_folders",
    "Spawner.account_group": "jupyterhub_users",
    "Spawner.create_accounts": "jupyterhub_create_accounts",
    "Spawner.privileged_groups": "jupyterhub_accept_risks",
    "Spawner.privileged_people": "jupyterhub_accept_risks: [privileged_groups]",
    "Spawner.hub_connect_url": "jupyterhub_hub_port",
    "Spawner.closed": "jupyterhub_closed",
    "Spawner.partition": "jupyterhub_slurm_partition",
    "Spawner.time": "jupyterhub_slurm_time",
    "Spawner.nodes_address": "jupyterhub_slurm_listen",
    "Spawner.ports": "jupyterhub_slurm_ports",
    "Spawner.tunnel_prefix": "jupyterhub_name",
    "Spawner.hub_name": "jupyterhub_name",
    "Spawner.unit_prefix": "jupyterhub_name",
    "Spawner.unit_name_template": "jupyterhub_name",
    "Spawner.runtime_directory": "jupyterhub_name",
    "Spawner.username_template": "jupyterhub_username_map",
    "Spawner.dynamic_users": "jupyterhub_users; servers run as their people's accounts",
    "Spawner.unit_extra_properties": "a drop-in for the user servers, by the role systemd",
    "Spawner.isolate_tmp": "jupyterhub_sandbox",
    "Spawner.isolate_devices": "jupyterhub_sandbox",
    "Spawner.disable_user_sudo": "jupyterhub_sandbox; a server never gets more rights than its user",
    "Proxy.api_url": "jupyterhub_proxy_api_port",
    "Proxy.traefik_api_url": "jupyterhub_proxy_api_port",
    "Authenticator.account_group": "jupyterhub_users",
    "Authenticator.accounts": "jupyterhub_username_map",
    "Authenticator.audit_identifier": "jupyterhub_audit",
    "EventLogger.handlers": "jupyterhub_audit",
    "CryptKeeper.keys": "jupyterhub_auth_state, for which the role makes a key",
    # Of the users' servers.
    "ServerApp.base_url": "jupyterhub_base_url",
    "ServerApp.default_url": "jupyterhub_default_url",
    "ServerApp.root_dir": "jupyterhub_root_dir",
    "ServerApp.notebook_dir": "jupyterhub_root_dir",
    "ServerApp.max_body_size": "jupyterhub_upload_limit_mb",
    "ServerApp.max_buffer_size": "jupyterhub_upload_limit_mb",
    "SharedFolders.shown": "jupyterhub_shared_folders",
    "SharedFolders.hidden": "jupyterhub_shared_folders with state: absent",
}
# What the role itself decides, and why it has to.
FIXED = {
    "JupyterHub.proxy_auth_token": "the role makes it once and gives it to hub and proxy",
    "JupyterHub.proxy_cmd": "the proxy is a unit of its own",
    "JupyterHub.debug_proxy": "the proxy is a unit of its own",
    "JupyterHub.cookie_secret": "the role makes it once",
    "JupyterHub.cookie_secret_file": "the role makes it once",
    "JupyterHub.cookie_host_prefix_enabled": "on one name, each server would get its visitors' cookies for the hub",
    "JupyterHub.upgrade_db": "the database is copied and migrated when the version changes",
    "JupyterHub.reset_db": "a reset would lose every user at every start",
    "JupyterHub.cleanup_servers": "servers survive a restart of the hub",
    "JupyterHub.cleanup_proxy": "the proxy survives a restart of the hub",
    "JupyterHub.pid_file": "systemd knows its processes",
    "JupyterHub.extra_log_file": "logs go to the journal",
    "Spawner.shell_cmd": "servers are started without a shell",
    "Spawner.popen_kwargs": "servers are started as their people's accounts",
    "Spawner.apply_user_options": "people would set options of their servers; a pre_spawn_hook reads user_options",
    "Spawner.ip": "servers listen on sockets",
    "Spawner.sockets_directory": "hub, proxy and servers meet there",
    "Spawner.servers_group": "hub and proxy enter by it",
    "Spawner.hub_socket": "hub and servers meet there",
    "Spawner.proxy_needs_ports": "it depends on the proxy alone",
    "Spawner.port_prefix": "the units have their drop-ins by it",
    "Spawner.slice": "servers run in the hub's slice",
    "Proxy.auth_token": "the role makes it once and gives it to hub and proxy",
    "Proxy.traefik_api_username": "the role gives hub and proxy the same",
    "Proxy.traefik_api_password": "the role makes it once and gives it to hub and proxy",
    "Proxy.traefik_api_hashed_password": "the role makes it once and gives it to hub and proxy",
    "Proxy.traefik_entrypoint": "the role gives hub and proxy the same",
    "Proxy.traefik_api_entrypoint": "the role gives hub and proxy the same",
    "Proxy.enable_setup_dynamic_config": "the hub writes the way to traefik's API as well",
    "Proxy.dynamic_config_file": "traefik sees one directory alone",
    "Proxy.should_start": "the proxy is a unit of its own",
    "Proxy.command": "the proxy is a unit of its own",
    "Proxy.pid_file": "systemd knows its processes",
    # Of the users' servers.
    "ServerApp.ip": "the hub chooses it",
    "ServerApp.port": "the hub chooses it",
    "ServerApp.password": "people log in at the hub",
    "ServerApp.token": "people log in at the hub",
    "ServerApp.cookie_secret": "people log in at the hub",
    "ServerApp.identity_provider_class": "people log in at the hub",
    "ServerApp.authorizer_class": "the hub says who may come in",
    "ServerApp.allow_unauthenticated_access": "people log in at the hub",
    "ServerApp.allow_root": "servers run as their people's accounts",
    "IdentityProvider.token": "people log in at the hub",
    "PasswordIdentityProvider.hashed_password": "people log in at the hub",
    "LabApp.user_settings_dir": "they stay in ~/.jupyter/lab",
    "LabApp.workspaces_dir": "they stay in ~/.jupyter/lab",
}
FAMILIES = ("Authenticator", "Spawner", "Proxy")
# Of jupyter-server-proxy, a part of the users' servers.
NO_FAMILY = ("ServerProxy",)
GONE = ("NotebookApp", "JupyterApp", "SingleUserNotebookApp", "SingleUserLabApp")
# Classes below which others are: an option of theirs is one of every class that has it, and would pass by the rules.
ABOVE_OTHERS = ("Configurable", "LoggingConfigurable", "SingletonConfigurable", "Application", "AccountMixin")
OF_THE_SERVERS = (
    *("ServerApp", "LabApp", "JupyterNotebookApp", "MappingKernelManager", "ContentsManager"),
    "SharedFolders",
    *NO_FAMILY,
    *GONE,
)
# Options that undo the protection: the values that do so, and the name of the risk.
DANGEROUS = {
    "JupyterHub.authenticate_prometheus": ("False", "public_metrics"),
    "ServerApp.allow_origin": (r"\*", "any_origin"),
    "ServerApp.allow_origin_pat": (r"\^?\.[*+]\$?", "any_origin"),
    "ServerApp.disable_check_xsrf": ("True", "no_xsrf_check"),
}
# The same among the headers and settings of hub and servers (tornado_settings).
TORNADO = ("JupyterHub.tornado_settings", "ServerApp.tornado_settings")
ANY_FRAME = re.compile(r"frame-ancestors[^;]*\s(\*|https?:)(\s|;|$)")


def problems(settings: dict) -> Iterator[str]:
    """What is wrong in the three mappings of options, with what to write instead; never a value."""
    risks, authenticator = settings["accept_risks"], class_name(settings)
    for variable in ("config", "secret_config", "user_config"):
        where, config = f"jupyterhub_{variable}", settings[variable]
        wrong = [str(name) for name, options in config.items() if not isinstance(options, dict)]
        if wrong:
            yield f"{where}: {', '.join(wrong)} must hold options by name, such as {{JupyterHub: {{log_level: 10}}}}."
            continue
        for section, options in config.items():
            yield from _class(where, str(section))
            for option, value in options.items():
                if variable == "config" and isinstance(value, str) and SECRET.search(str(option)):
                    yield (
                        f"{where}.{section}.{option} is a secret, which a diff of this variable would show; write "
                        "it in jupyterhub_secret_config."
                    )
                family = "Authenticator" if section == authenticator else _family(section)
                yield from _option(f"{where}.{section}.{option}", f"{family}.{option}", value, risks)


def guarded(settings: dict) -> python_config.Guarded:
    """What Python leaves alone, by the class that runs and a pattern for options: each with what to do instead.

    That is what data says elsewhere, what the role decides and what it sets, and what undoes the protection.
    """
    judged = dict.fromkeys((*DANGEROUS, *TORNADO), "write it in jupyterhub_config, where its value is judged")
    elsewhere = {key: f"use {variable}" for key, variable in OWN.items()}
    fixed = {key: f"it is the role's own ({reason})" for key, reason in FIXED.items()}
    classes = {
        "JupyterHub": "JupyterHub",
        "CryptKeeper": "CryptKeeper",
        "Spawner": SPAWNERS[settings["spawner"]],
        "Proxy": proxy_name(settings),
    }
    advice = {
        f"{classes[family]}.{option}": text
        for key, text in {**judged, **elsewhere, **fixed}.items()
        for family, _dot, option in [key.partition(".")]
        if family in classes
    }
    set_here = [(classes.get(_family(section), section), options) for section, options in own(settings).items()]
    found = python_config.guarded(advice, set_here)
    login = "use jupyterhub_authenticator_options or the variable that stands for it"
    found |= {name: {python_config.ALL_BUT_HOOKS: login} for name in (class_name(settings), "ListedAuthenticator")}
    found.pop("Authenticator", None)  # above these two
    return found


def _family(section: str) -> str:
    """The family of a class: BoundedSystemdSpawner.cmd and Spawner.cmd are one option."""
    return section if section in NO_FAMILY else next((one for one in FAMILIES if section.endswith(one)), section)


def _class(where: str, section: str) -> Iterator[str]:
    if section in ABOVE_OTHERS:
        yield f"{where}.{section} is many classes at once; write the option under the one that is meant."
    elif section in GONE:
        yield f"{where}.{section} is no longer read by Jupyter; write ServerApp in jupyterhub_user_config."
    elif where != "jupyterhub_user_config" and section in OF_THE_SERVERS:
        yield f"{where}.{section} is about the users' servers; write it in jupyterhub_user_config."
    elif where == "jupyterhub_user_config" and _family(section) in ("JupyterHub", *FAMILIES):
        yield f"{where}.{section} is about the hub; write it in jupyterhub_config."


def _option(where: str, key: str, value: object, risks: list[str]) -> Iterator[str]:
    family, _dot, option = key.partition(".")
    if family == "Authenticator":
        # An old name or one of a variable; secrets were judged above.
        yield from jupyterhub_login.names(where.removesuffix(f".{option}"), {option: None})
    if key in OWN:
        yield f"{where} is not written here; use {OWN[key]}."
    if key in FIXED:
        yield f"{where} is the role's own: {FIXED[key]}. Leave it out."
    if key == "JupyterHub.template_vars" and isinstance(value, dict) and "announcement" in value:
        yield f"{where}: announcement is not written here; use jupyterhub_announcement."
    for risk in _risks(key, value):
        if risk not in risks:
            yield f"{where} takes the protection away; if that is wanted, say jupyterhub_accept_risks: [{risk}]."


def _risks(key: str, value: object) -> Iterator[str]:
    pattern, risk = DANGEROUS.get(key, (None, None))
    if pattern and re.fullmatch(pattern, str(value)):
        yield risk
    if key in TORNADO and isinstance(value, dict):
        headers = value.get("headers")
        headers = {str(name).lower(): str(text) for name, text in headers.items()} if isinstance(headers, dict) else {}
        if headers.get("access-control-allow-origin") == "*":
            yield "any_origin"
        if ANY_FRAME.search(headers.get("content-security-policy", "")):
            yield "any_frame"
        if str(value.get("xsrf_cookies")) == "False":
            yield "no_xsrf_check"
