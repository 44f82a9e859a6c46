# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JupyterHub for a team: what its settings must be, and the environments, files, units and users that they become.

The configuration is made in jupyterhub_config.py, the units in jupyterhub_units.py. The rules stand in
jupyterhub_rules.py, those about logins in jupyterhub_login.py, those about shared folders in jupyterhub_folders.py and
those about options of JupyterHub itself in jupyterhub_traits.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub_config,
    jupyterhub_folders,
    jupyterhub_login,
    jupyterhub_profiles,
    jupyterhub_rules,
    jupyterhub_slurm,
    jupyterhub_traits,
    jupyterhub_units,
    jupyterlab,
    python_config,
    python_venv,
    sandbox,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.jupyterhub_config import Settings
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

USES = ("python_venv", "systemd")
FILES = COLLECTION / "roles/jupyterhub/files"
# Puts a directory of the release where its Python looks for modules.
EXTEND = [
    [
        "bin/python",
        "-c",
        "import site; print('../../../extensions', file=open(site.getsitepackages()[0] + '/nbops.pth', 'w'))",
    ],
    ["bin/python", "-m", "compileall", "-q", "extensions"],
]
CHECK_PAGES = (
    "import jinja2, pathlib; [jinja2.Environment().parse(page.read_text(), filename=str(page)) "
    "for page in pathlib.Path('templates').glob('*')]"
)


def problems(given: Given) -> list[str]:
    """What is wrong with the settings: each with the hub's name, the variable, the rule and what to write instead."""
    found = jupyterhub_rules.problems(given.settings)
    if given.settings["state"] == "present":
        sandboxes = sandbox.profiles(given.others["systemd"]["sandbox_profiles"])
        wrong = [
            *jupyterhub_profiles.sandbox_problems(given.settings, sandboxes),
            *python_config.problems("jupyterhub_python_config", given.settings["python_config"], given.host),
        ]
        found += [f"{given.settings['name']}: {text}" for text in wrong]
    for release in _environments(given.settings) if not found else []:
        found += python_venv.release_problems({**given.others["python_venv"], **release})
    return found


def warnings(given: Given) -> list[str]:
    """What a person may have meant otherwise, and the hub takes as it is."""
    found = jupyterhub_rules.doubts(given.settings) if given.settings["state"] == "present" else ()
    return [f"{given.settings['name']}: {text}" for text in found]


def plan(given: Given) -> dict[str, Any]:
    """What the role does for a hub, or to remove one; nothing of it is secret."""
    settings = given.settings
    return {
        "name": settings["name"],
        "state": settings["state"],
        "postgresql": settings["database"] == "postgresql",
        "units": jupyterhub_units.units(settings),
        "former": jupyterhub_units.former(settings) if settings["state"] == "present" else [],
        "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
        **(_removal(settings) if settings["state"] == "absent" else _deployment(given)),
    }


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"])


def secrets(given: Given) -> dict[str, Any]:
    """What is merged into the hub's configuration without being shown, by the path of the file."""
    return {jupyterhub_config.config_path(given.settings): jupyterhub_config.secret(given.settings)}


def static_directory(settings: Settings) -> str:
    """The files of the hub's own pages, which the hub sends without a login."""
    return f"/opt/{settings['name']}/hub/current/share/jupyterhub/static"


def _deployment(given: Given) -> dict[str, Any]:
    settings = given.settings
    name, traefik = settings["name"], settings["traefik"]
    releases = [
        python_venv.release(given.others["python_venv"], **environment) for environment in _environments(settings)
    ]
    install = python_venv.install_plan(releases, given.host)
    if settings["database"] == "postgresql":
        install["system_packages"] = sorted([*install["system_packages"], "postgresql"])
    routes = jupyterhub_config.routes_directory(settings)
    return {
        "traefik": traefik,
        "slurm_partitions": jupyterhub_slurm.partitions(settings),
        "nodes": _nodes(given, releases) if settings["slurm_listen"] else {},
        "install": install,
        "secrets": {
            "path": jupyterhub_units.secrets_directory(settings),
            "names": jupyterhub_units.secret_names(settings),
            # Written when a hub has been healthy, which needs the secret of cookies.
            "proof": {"cookie_secret": f"/var/lib/{name}/healthy.json"},
        },
        # Other accounts do not reach the routes: the directory above is closed to them.
        "directories": [{"path": f"/var/lib/{name}", "mode": "0700"}, {"path": routes, "mode": "0755"}]
        if traefik
        else [],
        "servers_group": jupyterhub_config.servers_group(settings),
        "shared_folders": jupyterhub_folders.plan(settings),
        "files": jupyterhub_config.files(settings, _python_config(given)),
        # What was set up by hand may need the addresses again.
        "successors": jupyterhub_units.successors(settings),
        "legacy_setup": settings["legacy_setup"] if any(settings["legacy_setup"].values()) else {},
        "other_proxy": f"/opt/{name}/proxy" if traefik else routes,
        "users": _users(settings) if settings["users"] else {},
    }


def _nodes(given: Given, releases: list[dict[str, Any]]) -> dict[str, Any]:
    """What the nodes of a cluster need for servers, which is what this host has; and who needs an account there."""
    settings = given.settings
    directory = f"/opt/{settings['name']}/user"
    return {
        "environment": directory,
        "install": python_venv.install_plan([one for one in releases if one["path"] == directory], given.host),
        "files": jupyterhub_config.servers_files(settings),
        "people": sorted(user["name"] for user in settings["users"] if user["state"] == "present"),
    }


def _python_config(given: Given) -> dict[str, Any]:
    settings = given.settings
    directory, guarded = jupyterhub_config.python_directory(settings), jupyterhub_traits.guarded(settings)
    return python_config.plan(directory, settings, given.host, guarded, "jupyterhub_accept_risks")


def _removal(settings: Settings) -> dict[str, Any]:
    name = settings["name"]
    return {
        "local_servers": settings["spawner"] == "local",
        "slurm_jobs": settings["spawner"] == "slurm",
        "nodes": {"remains": [f"/opt/{name}", f"/etc/{name}"]} if settings["slurm_listen"] else {},
        "environments": [f"/opt/{name}/{environment}" for environment in ("hub", "user", "proxy")],
        "servers_group": jupyterhub_config.servers_group(settings),
        "remains": [
            f"/opt/{name}",
            f"/etc/{name}",
            f"/run/{name}",
            jupyterhub_config.proxy_directory(name),
            f"/run/{name}-users",
            f"/run/{name}-sockets",
            f"/var/lib/{name}",
        ],
    }


def _users(settings: Settings) -> dict[str, Any]:
    """The arguments of the module jupyterhub_users beside the list."""
    name, options = settings["name"], jupyterhub_login.options(settings)
    return {
        "api_url": jupyterhub_units.api_url(settings),
        "token_file": jupyterhub_units.token_file(settings),
        "service": f"{name}.service",
        "account_group": name,
        # What each login sets anew is not for the list to set.
        "privileged_groups": "privileged_groups" in settings["accept_risks"],
        "manage_groups": not options.get("manage_groups"),
        "manage_admins": not jupyterhub_login.deciding_groups(options),
        "archive_directory": f"/var/backups/{name}",
        "archive_limit_gb": settings["archive_limit_gb"],
    }


def _environments(settings: Settings) -> list[dict[str, Any]]:
    """Releases of their own, so that an upgrade of one leaves the others and what runs from them alone."""
    if settings["state"] == "absent":
        return []
    environments = [_hub_environment(settings), _user_environment(settings)]
    return environments if settings["traefik"] else [*environments, _proxy_environment(settings)]


def _hub_environment(settings: Settings) -> dict[str, Any]:
    extensions = FILES / "extensions"
    files = {path: f"extensions/{path.relative_to(extensions)}" for path in sorted(extensions.rglob("*.py"))}
    shared = COLLECTION / "plugins/module_utils"
    files |= {
        FILES / "user/nbops_tunnel.py": "extensions/nbops_tunnel.py",
        shared / "_files/sqlite.py": "extensions/nbops_jupyterhub/sqlite.py",
        shared / "_accounts/people.py": "extensions/nbops_jupyterhub/people.py",
        shared / "_systemd/homes.py": "extensions/nbops_jupyterhub/homes.py",
        shared / "_jupyter/python_config.py": "extensions/nbops_jupyterhub/python_config.py",
    }
    # Pages fit one version of JupyterHub, and are rolled back with it.
    pages = sorted(Path(settings["templates"]).glob("*.html")) if settings["templates"] else []
    files |= {page: f"templates/{page.name}" for page in pages}
    return _environment(
        settings,
        "hub",
        lock=settings["lock"],
        packages=settings["packages"],
        # NativeAuthenticator needs it, and its author publishes no wheel.
        source_packages=["onetimepass"],
        files=files,
        setup_commands=EXTEND,
        smoke_commands=[
            ["bin/jupyterhub", "--version"],
            _import("nbops_jupyterhub.authenticator, nbops_jupyterhub.schema, nbops_jupyterhub.spawner"),
            *([_import("nbops_jupyterhub.slurm")] if settings["spawner"] == "slurm" else []),
            *([_import("nbops_jupyterhub.proxy")] if settings["traefik"] else []),
            *([_import("psycopg")] if settings["database"].startswith("postgresql") else []),
            ["bin/python", "-c", CHECK_PAGES],
        ],
    )


def _user_environment(settings: Settings) -> dict[str, Any]:
    return _environment(
        settings,
        "user",
        lock=settings["user_lock"],
        packages=settings["user_packages"],
        overlay=True,
        files={
            FILES / "user/nbops_singleuser.py": "extensions/nbops_singleuser.py",
            FILES / "user/nbops_slurm.py": "extensions/nbops_slurm.py",
            FILES / "user/nbops_tunnel.py": "extensions/nbops_tunnel.py",
            jupyterlab.FILES / "nbops_memory.py": "extensions/nbops_memory.py",
            jupyterlab.FILES / "page_config.json": jupyterlab.PAGE_CONFIG,
        },
        setup_commands=[*EXTEND, ["overlay/bin/python", "-m", "ipykernel", "install", "--prefix", "overlay"]],
        smoke_commands=[["bin/jupyterhub-singleuser", "--version"], _import("nbops_singleuser, nbops_memory")],
    )


def _proxy_environment(settings: Settings) -> dict[str, Any]:
    program = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    return _environment(
        settings,
        "proxy",
        files={FILES / "proxy" / name: name for name in ("package.json", "package-lock.json", "build.sh", "start.mjs")},
        setup_commands=[["/bin/sh", "build.sh"]],
        setup_network=True,
        smoke_commands=[["bin/node", program, "--version"]],
    )


def _environment(settings: Settings, part: str, *, files: dict[Path, str], **given: Any) -> dict[str, Any]:
    """The settings of python_venv for one part of the hub; `files` maps paths on the controller to paths in it."""
    return {
        "path": f"/opt/{settings['name']}/{part}",
        "state": "present",
        "packages": [],
        "overlay": False,
        "compress": [],
        **given,
        "lock": given.get("lock") or str(FILES / f"{part}.txt"),
        "files": {inside: path.read_text(encoding="utf-8") for path, inside in files.items()},
    }


def _import(modules: str) -> list[str]:
    return ["bin/python", "-c", f"import {modules}"]
