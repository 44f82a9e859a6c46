# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what their settings must be, and what is collected, by which units."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox import directives
from ansible_collections.nbops.jupyter.plugins.module_utils._state.backup import TEXTFILES
from ansible_collections.nbops.jupyter.plugins.module_utils._state.manifest import POSTGRESQL, is_path
from ansible_collections.nbops.jupyter.plugins.module_utils._state.repository import ENVIRONMENT, KEY, PASSWORD, SECRETS
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    jupyterhub,
    jupyterhub_config,
    jupyterlab,
    playbook,
    sandbox,
    timers,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ACCOUNT

USES = ("jupyterhub", "jupyterlab", "python_venv", "systemd")
PROGRAM = "/usr/bin/python3 /usr/local/lib/nbops-backup/backup.py"
SERVICES = ("nbops-backup", "nbops-backup-check")
# The targets of restic that need no other program than ssh.
SCHEMES = ("sftp", "s3", "rest", "b2", "azure", "gs", "swift")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# What the program says itself, or what would change how programs start.
RESERVED = re.compile(r"(RESTIC_(PASSWORD|REPOSITORY|CACHE)|LD_|PYTHON|CREDENTIALS_).*|PATH|HOME|IFS")
SNAPSHOT = re.compile(r"latest|[0-9a-f]{6,64}")
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
PERCENT = re.compile(r"(100|[1-9]?[0-9](\.[0-9]+)?)%")
SHORTEST = 12


def problems(given: Given) -> list[str]:
    """What is wrong with the settings, or with the hub and the labs that they are about."""
    settings = given.settings
    if settings["state"] == "absent":
        return []
    found = [*_repository(settings), *_secrets(settings), *_contents(given), *_times(settings), *_restore(settings)]
    hubs, labs = playbook.hubs(given), playbook.labs(given)
    if not hubs and not labs:
        found.append(
            "backup: the host has neither a hub nor a lab; put it into the group jupyterhub or jupyterlab, and list "
            "jupyterlab_instances."
        )
    found += jupyterhub.problems(given.of("jupyterhub")) if hubs else []
    return found + (jupyterlab.problems(given.of("jupyterlab")) if labs else [])


def plan(given: Given) -> dict[str, Any]:
    """What the role does; nothing of it is secret."""
    settings = given.settings
    made = {"state": settings["state"], "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"])}
    if settings["state"] == "absent":
        return {**made, "units": [{"name": unit, "state": "absent"} for unit in _unit_names()]}
    hub = next(iter(playbook.hubs(given)), None)
    labs = [{name: lab[name] for name in ("name", "user", "root_dir")} for lab in playbook.labs(given)]
    deployed = [jupyterhub.plan(given.of("jupyterhub"))] if hub else []
    deployed += [jupyterlab.plan(given.of("jupyterlab"))] if labs else []
    host = given.host["inventory_hostname"]
    return {
        **made,
        "packages": _packages(settings, hub),
        "repository": settings["repository"],
        "known_hosts": settings["known_hosts"],
        "settings": {
            "host": host,
            "hub": {"name": hub["name"], **jupyterhub_config.database(hub)} if hub else {},
            "labs": labs,
            "environments": sorted({path for one in deployed for path in one["install"]["releases"]}),
            **{name: settings[name] for name in ("homes", "exclude", "paths", "keep", "prune")},
            "check_read": settings["check"]["read"],
        },
        "units": _units(settings, hub),
        "restore": {
            "host": settings["restore_from"] or host,
            "snapshot": settings["restore_snapshot"],
            "home": settings["restore_home"],
            "hub": hub["name"] if hub else "",
            **(jupyterhub_config.database(hub) if hub else {"database": "", "file": ""}),
            "labs": [lab["name"] for lab in labs],
            "paths": _directories(given),
            "locks": _locks(given, hub, labs),
        },
    }


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"])


def secrets(given: Given) -> dict[str, Any]:
    """What opens the repository."""
    return {name: given.settings[name] for name in ("password", "environment", "ssh_key")}


def _directories(given: Given) -> list[str]:
    """The directories beside homes that a snapshot may have; of those of labs, the host knows which are in homes."""
    own = [lab["root_dir"] for lab in playbook.labs(given) if lab["root_dir"]] if given.settings["homes"] else []
    return list(dict.fromkeys([*given.settings["paths"], *own]))


def _packages(settings: dict[str, Any], hub: dict[str, Any] | None) -> list[str]:
    # The Python of a minimal host reads no database.
    packages = ["restic", "ca-certificates", "python3"]
    packages += ["openssh-client"] if settings["repository"].startswith("sftp:") else []
    packages += ["postgresql-client"] if hub and jupyterhub_config.database(hub)["database"] == POSTGRESQL else []
    return sorted(packages)


def _locks(given: Given, hub: dict[str, Any] | None, labs: list[dict[str, Any]]) -> dict[str, str]:
    """The environment by the variable that takes its lock."""
    found = {}
    if hub:
        found |= {"jupyterhub_lock": f"/opt/{hub['name']}/hub", "jupyterhub_user_lock": f"/opt/{hub['name']}/user"}
    return {**found, **({"jupyterlab_lock": given.others["jupyterlab"]["path"]} if labs else {})}


def _unit_names() -> list[str]:
    return [f"{name}.{kind}" for kind in ("timer", "service") for name in SERVICES]


def _units(settings: dict[str, Any], hub: dict[str, Any] | None) -> list[dict[str, Any]]:
    backup, check = SERVICES
    return [
        _service(backup, "Back up this host", f"{PROGRAM} backup", settings, hub),
        _service(check, "Check the backups of this host", f"{PROGRAM} check", settings, None),
        _timer(backup, "Back up this host", settings["schedule"]),
        _timer(check, "Check the backups of this host", settings["check"]["schedule"]),
    ]


def _service(
    name: str, description: str, command: str, settings: dict[str, Any], hub: dict[str, Any] | None
) -> dict[str, Any]:
    """A service that reads everything and writes almost nothing."""
    writes = [settings["repository"]] if settings["repository"].startswith("/") else []
    database = jupyterhub_config.database(hub) if hub else {"database": "", "file": ""}
    if database["file"]:
        # Who reads a database while it is in use leaves locks beside it.
        writes.append(posixpath.dirname(database["file"]))
    sockets = {"BindReadOnlyPaths": "/run/postgresql"} if database["database"] == POSTGRESQL else {}
    service = {
        "Type": "oneshot",
        "User": "root",
        "Environment": "PYTHONDONTWRITEBYTECODE=1",
        "ExecStart": command,
        "StateDirectory": "nbops-backup",
        "StateDirectoryMode": "0700",
        "CacheDirectory": "nbops-backup",
        "CacheDirectoryMode": "0700",
        # Root of a user namespace could read nobody's files.
        "PrivateUsers": False,
        # By the others it mounts homes so that links in them lead nowhere, and gives these rights up before it reads.
        "CapabilityBoundingSet": "CAP_DAC_READ_SEARCH CAP_SYS_ADMIN CAP_SETPCAP",
        "RestrictNamespaces": "mnt",
        "SystemCallFilter": [*directives.STANDARD["SystemCallFilter"], "@mount"],
        "ProtectHome": "read-only",
        "ReadWritePaths": [*writes, f"-{TEXTFILES}"],
        **sockets,
        "Nice": 10,
        "IOSchedulingClass": "idle",
        # The first backup of a large host takes as long as it takes.
        "TimeoutStartSec": "infinity",
    }
    network = {"Wants": "network-online.target", "After": "network-online.target"}
    unit = {"Description": description, **network, **timers.on_failure(settings["alarm_units"])}
    return {
        "name": f"{name}.service",
        "sandbox": "standard",
        "started": False,
        "credentials": {secret: f"{SECRETS}/{secret}" for secret in _secret_names(settings)},
        "sections": {"Unit": unit, "Service": service},
    }


def _secret_names(settings: dict[str, Any]) -> list[str]:
    return [
        PASSWORD,
        *([ENVIRONMENT] if settings["environment"] else []),
        *([KEY] if settings["ssh_key"] else []),
    ]


def _timer(name: str, description: str, calendar: str) -> dict[str, Any]:
    timing = {"OnCalendar": calendar, "RandomizedDelaySec": "30min", "Persistent": True}
    return timers.timer(name, description, timing)


def _repository(settings: dict[str, Any]) -> Iterator[str]:
    address = settings["repository"]
    scheme = address.partition(":")[0]
    is_remote = scheme in SCHEMES and len(address) > len(scheme) + 1
    if not (is_remote or is_path(address)) or re.search(r"\s", address):
        yield (
            "backup_repository: write where the backups go, such as sftp:jupyter@vault.example.org:/srv/jupyter, "
            "s3:https://s3.example.org/bucket, rest:https://vault.example.org/jupyter, or a directory such as "
            "/mnt/backup."
        )
    if re.search(r"//[^/]*:[^/]*@", address):
        yield (
            "backup_repository: everybody who reads the inventory reads a password in it; write backup_environment: "
            "{RESTIC_REST_USERNAME: ..., RESTIC_REST_PASSWORD: ...}."
        )
    if scheme == "sftp":
        if re.match(r"sftp:(//)?([^@/:]+@)?-", address):
            yield "backup_repository: a host's name does not begin with a hyphen."
        if "PRIVATE KEY" not in settings["ssh_key"]:
            yield "backup_ssh_key: a repository by sftp needs a private key, such as `ssh-keygen -t ed25519` makes."
        if not settings["known_hosts"].strip():
            yield (
                "backup_known_hosts: a repository by sftp needs the key of its host, as a line of `ssh-keyscan HOST` "
                "that somebody who runs that host confirms."
            )
    elif settings["ssh_key"] or settings["known_hosts"]:
        yield "backup_ssh_key and backup_known_hosts are for a repository by sftp; leave them out."


def _secrets(settings: dict[str, Any]) -> Iterator[str]:
    password = settings["password"]
    if len(password) < SHORTEST or password != password.strip() or "\n" in password:
        yield (
            f"backup_password: write one line of at least {SHORTEST} characters, without blanks around it; "
            "`openssl rand -base64 24` makes one."
        )
    for name, value in settings["environment"].items():
        if not VARIABLE.fullmatch(str(name)) or RESERVED.fullmatch(str(name)):
            yield (
                f"backup_environment: '{name}' is none of the variables by which restic's targets are told their "
                "secrets, such as AWS_ACCESS_KEY_ID."
            )
        elif not isinstance(value, str) or re.search(r"[\x00-\x1f]", value):
            yield f"backup_environment: the value of {name} must be a text of one line; put it into quotes."


def _contents(given: Given) -> Iterator[str]:
    settings, tops = given.settings, ["/home", *_directories(given)]
    for path in settings["paths"]:
        if not is_path(path) or path.startswith("/var/lib/nbops-backup"):
            yield f"backup_paths: '{path}' must be the absolute path of a directory, without a slash at its end."
    for pattern in settings["exclude"]:
        if not pattern.strip() or "\n" in pattern or pattern.startswith(("#", "!")):
            yield f"backup_exclude: '{pattern}' is no pattern; write one such as .cache or /srv/shared/scratch."
        elif pattern.startswith("/") and not any(pattern.startswith(f"{top}/") for top in tops):
            yield (
                f"backup_exclude: '{pattern}' begins with a slash and is below none of backup_paths, /home or a "
                "lab's root_dir; what makes the servers is never left out."
            )
    keep = settings["keep"]
    if min(keep.values()) < 0 or (settings["prune"] and not any(keep.values())):
        yield "backup_keep: write how many backups stay, such as {daily: 7}; none would be left."
    yield from timers.alarm_problems("backup_alarm_units", settings["alarm_units"])


def _times(settings: dict[str, Any]) -> Iterator[str]:
    for name, value in (("backup_schedule", settings["schedule"]), ("backup_check", settings["check"]["schedule"])):
        if not value.strip() or "\n" in value:
            yield f"{name}: write a time of systemd, such as '*-*-* 02:30' or weekly; `systemd-analyze calendar` tells."
    read = settings["check"]["read"]
    if not PERCENT.fullmatch(read) or not float(read[:-1]):
        yield f"backup_check: read must be a share of the data such as 5% or 100%, not '{read}'."


def _restore(settings: dict[str, Any]) -> Iterator[str]:
    if not SNAPSHOT.fullmatch(settings["restore_snapshot"]):
        yield "backup_restore_snapshot: write latest, or the beginning of an id that `restic snapshots` shows."
    if settings["restore_from"] and not HOST.fullmatch(settings["restore_from"]):
        yield "backup_restore_from: write the inventory's name of the host that made the backup."
    if settings["restore_home"] and not ACCOUNT.fullmatch(settings["restore_home"]):
        yield "backup_restore_home: write the account of one person, such as ada."
