# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans how a hub goes back to its last healthy state, and puts back its files and its database.

The hub's own program nbops_jupyterhub.database, which the role installs, writes the notes that are read here.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import (
    CLIENT_PROGRAMS,
    RunCommand,
    restore_postgresql,
    restore_sqlite,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore

STATE = "/var/lib"
UNITS = "/etc/systemd/system"
APPLICATIONS = "/opt"
ENVIRONMENTS = ("hub", "user", "proxy")
# How a module is told of a hub; plugins/doc_fragments/_hub.py documents it.
ARGUMENTS = {"name": {"type": "str", "required": True}, "config": {"type": "path"}}


class RollbackError(Exception):
    """The hub cannot go back; the text says why, and what to do about it."""


@dataclass(frozen=True)
class HubPaths:
    """Where the files of a hub are. `config` is the path of its configuration."""

    name: str
    config: str

    @property
    def state(self) -> str:
        """The directory of the hub's database and notes."""
        return os.path.join(STATE, self.name)

    @property
    def upgrade(self) -> str:
        """The note about an upgrade that has begun. The hub removes it once it is healthy."""
        return os.path.join(self.state, "upgrade.json")

    @property
    def python(self) -> str:
        """The directory of the Python that the hub loads after its configuration."""
        return os.path.join(os.path.dirname(self.config), "python_config")

    @property
    def servers(self) -> str:
        """The pattern of the units of users' servers."""
        return f"{self.name}-user-*.service"

    def store(self, environment: str) -> ReleaseStore:
        """The releases of one of the ENVIRONMENTS."""
        return ReleaseStore(os.path.join(APPLICATIONS, self.name, environment))


def paths_of(parameters: Mapping[str, Any]) -> HubPaths:
    """The paths of the hub that a module's parameters name."""
    name = parameters["name"]
    return HubPaths(name, parameters["config"] or f"/etc/{name}/config.json")


@dataclass(frozen=True)
class HealthyState:
    """What the hub noted when it was last healthy; None for a note that does not exist.

    `note` has its version, releases, units and Python, `config` is its configuration.
    """

    note: dict[str, Any] | None
    config: bytes | None


@dataclass(frozen=True)
class RollbackPlan:
    """What differs from the last healthy state, and goes back to it.

    `version` is that of JupyterHub, empty without a healthy state. `database` is the path of the copy to restore, empty
    where the database is unchanged. `releases` are paths by environment, `units` and `python` texts by name. `config`
    is None where the configuration is unchanged. `upgrade` is the note about the upgrade, empty if none has begun.
    """

    version: str = ""
    database: str = ""
    releases: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    python: dict[str, str] = field(default_factory=dict)
    config: bytes | None = None
    upgrade: dict[str, Any] = field(default_factory=dict)

    def changes(self) -> bool:
        """Whether anything has to go back, or an earlier run was interrupted."""
        return bool(self.upgrade or self.releases or self.units or self.python or self.config is not None)

    def report(self) -> dict[str, Any]:
        """The changes as the module returns them."""
        return {
            "version": self.version,
            "database": self.database,
            "releases": self.releases,
            "units": list(self.units),
            "config": self.config is not None or bool(self.python),
        }


def read_healthy_state(paths: HubPaths) -> HealthyState:
    """Raises OSError, and ValueError for a damaged note."""
    return HealthyState(
        read_note(os.path.join(paths.state, "healthy.json")),
        read_or_none(os.path.join(paths.state, "healthy-config.json")),
    )


def make_plan(paths: HubPaths, healthy: HealthyState) -> RollbackPlan:
    """Compares the hub with its last healthy state. Raises OSError, and ValueError for a link that is not ours."""
    if not healthy.note:
        return RollbackPlan()
    upgrade = read_note(paths.upgrade) or {}
    is_same_config = healthy.config is None or read_or_none(paths.config) == healthy.config
    return RollbackPlan(
        version=healthy.note["version"],
        database="" if upgrade.get("restored") else upgrade.get("backup", ""),
        releases=_other_releases(paths, healthy.note.get("releases", {})),
        units=_other_texts(UNITS, healthy.note.get("units", {})),
        python=_other_texts(paths.python, healthy.note.get("python_config", {})),
        config=None if is_same_config else healthy.config,
        upgrade=upgrade,
    )


def _other_releases(paths: HubPaths, wanted: dict[str, str]) -> dict[str, str]:
    return {
        environment: path
        for environment, path in sorted(wanted.items())
        if environment in ENVIRONMENTS and os.path.basename(path) != paths.store(environment).current()
    }


def _other_texts(directory: str, wanted: dict[str, str]) -> dict[str, str]:
    there = {name: read_or_none(os.path.join(directory, name)) for name in wanted}
    return {name: text for name, text in sorted(wanted.items()) if there[name] != text.encode()}


def problems(
    paths: HubPaths, healthy: HealthyState, plan: RollbackPlan, has_program: Callable[[str], bool]
) -> list[str]:
    """Why a plan cannot be carried out, as messages for people. `has_program` says whether the host has a program."""
    return [
        *_release_problems(paths, plan),
        *_config_problems(paths, healthy),
        *_database_problems(paths, plan, has_program),
    ]


def _release_problems(paths: HubPaths, plan: RollbackPlan) -> Iterator[str]:
    for environment, path in plan.releases.items():
        store, name = paths.store(environment), os.path.basename(path)
        if path != os.path.realpath(store.directory(name)) or store.marker(name) is None:
            yield f"{path}, which ran at that time, is gone."


def _config_problems(paths: HubPaths, healthy: HealthyState) -> Iterator[str]:
    if healthy.config is None:
        yield f"{paths.state}/healthy-config.json, the configuration of that time, is gone."


def _database_problems(paths: HubPaths, plan: RollbackPlan, has_program: Callable[[str], bool]) -> Iterator[str]:
    upgrade, copy = plan.upgrade, plan.database
    if upgrade.get("to_revision") and not copy and not upgrade.get("restored"):
        yield f"The database was migrated. Restore the copy that you made, and remove {paths.upgrade}."
    if copy and not os.path.isfile(copy):
        yield f"{copy}, the copy of the database, is gone."
    if copy and upgrade["database"]["kind"] == "postgresql":
        for program in CLIENT_PROGRAMS:
            if not has_program(program):
                yield f"{program}, of the package postgresql-client, is missing."


def put_back(paths: HubPaths, plan: RollbackPlan, run_command: RunCommand) -> None:
    """Puts back everything while the hub is stopped. Raises DatabaseError, OSError and ValueError.

    The database comes first, so that a hub of either version can use it if somebody starts the hub in between.
    """
    begin(paths, plan)
    restore_database(paths, plan, run_command)
    restore_files(paths, plan)


def begin(paths: HubPaths, plan: RollbackPlan) -> None:
    """Notes that the rollback has begun, so that the next run completes an interrupted one."""
    write_upgrade(paths, {**plan.upgrade, "rollback": True})


def restore_database(paths: HubPaths, plan: RollbackPlan, run_command: RunCommand) -> None:
    """Restores the copy of the database if there is one, and notes that."""
    if not plan.database:
        return
    put_copy(plan.database, plan.upgrade["database"], run_command)
    # From here on the hub may write to the database, so the next run must not restore it again.
    write_upgrade(paths, {**plan.upgrade, "rollback": True, "restored": True})


def put_copy(copy: str, place: dict[str, str], run_command: RunCommand) -> None:
    """Replaces the database at a place, which the hub's program described, by a copy. Raises DatabaseError, OSError."""
    if place["kind"] == "sqlite":
        restore_sqlite(copy, place["path"])
    else:
        restore_postgresql(run_command, place["address"], place["password"], copy)


def restore_files(paths: HubPaths, plan: RollbackPlan) -> None:
    """Restores what differs beside the database."""
    restore_config(paths, plan)
    restore_releases(paths, plan)
    restore_units(plan)


def restore_config(paths: HubPaths, plan: RollbackPlan) -> None:
    """Restores the configuration, and the Python that is loaded after it, if it differs.

    Python that was not there stays, and is not loaded: the unit names what is.
    """
    for name, text in plan.python.items():
        os.makedirs(paths.python, mode=0o755, exist_ok=True)
        atomic.write(os.path.join(paths.python, name), text.encode(), 0o600)
    if plan.config is not None:
        atomic.write(paths.config, plan.config, 0o600)


def restore_releases(paths: HubPaths, plan: RollbackPlan) -> None:
    """Activates the releases that differ."""
    for environment, path in plan.releases.items():
        paths.store(environment).activate(os.path.basename(path))


def restore_units(plan: RollbackPlan) -> None:
    """Restores the unit files that differ."""
    for name, text in plan.units.items():
        atomic.write(os.path.join(UNITS, name), text.encode(), 0o644)


def finish(paths: HubPaths) -> None:
    """Removes the note about the upgrade once the hub runs."""
    # The hub removes it as well, once it is healthy.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(paths.upgrade)


def write_upgrade(paths: HubPaths, note: dict[str, Any]) -> None:
    """Notes that an upgrade, or the way back from one, has begun."""
    atomic.write(paths.upgrade, json.dumps(note, indent=1, sort_keys=True).encode(), 0o600)
    atomic.sync_directory(paths.state)


def read_note(path: str) -> dict[str, Any] | None:
    """What the hub's program noted; None for a note that does not exist. Raises ValueError for a damaged one."""
    data = read_or_none(path)
    return None if data is None else json.loads(data)
