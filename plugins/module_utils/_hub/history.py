# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a hub before the present one, and what it takes to go back to one of them.

The hub's own program nbops_jupyterhub.database, which the role installs, writes the history that is read here.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import RunCommand
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.rollback import (
    HealthyState,
    HubPaths,
    RollbackError,
    RollbackPlan,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import STANDARD, as_options, values_of

PREVIOUS = "previous"
# By these people know an environment.
MAIN_PACKAGES = ("jupyterhub", "jupyterlab")
# Of so many names, the others are only counted.
SHOWN = 4
DATED = re.compile(r".+-(?P<time>[0-9]{8}T[0-9]{6}Z(-[0-9]+)?)\.[a-z]+")


@dataclass(frozen=True)
class FormerState:
    """A state that ended at `until`, in UTC, as in 20261129T104000Z. `upgrade` is the note of what ended it."""

    until: str
    healthy: HealthyState
    upgrade: dict[str, Any]

    @property
    def migrated(self) -> bool:
        """Whether the upgrade that ended this state changed the schema of the database."""
        return bool(self.upgrade.get("to_revision")) and "demand" not in self.upgrade


@dataclass(frozen=True)
class Copy:
    """A copy of the database with which a former state ran, made at `time`, in UTC. `place` is where it belongs."""

    path: str
    time: str
    place: dict[str, str]


def read_history(paths: HubPaths) -> list[FormerState]:
    """The former states, the newest first. Raises OSError, and ValueError for a damaged one."""
    directory = os.path.join(paths.state, "history")
    names = os.listdir(directory) if os.path.isdir(directory) else []
    dated = {match["time"]: name for name in names if (match := DATED.fullmatch(name))}
    found = []
    for until in sorted(dated, key=_order, reverse=True):
        note = json.loads(read_or_none(os.path.join(directory, dated[until])) or b"{}")
        config, upgrade = note.pop("config"), note.pop("upgrade")
        found.append(FormerState(until, HealthyState(note, config.encode()), upgrade))
    return found


def _order(until: str) -> tuple[str, int]:
    time, _dash, number = until.partition("-")
    return time, int(number or 1)


def choose(paths: HubPaths, history: list[FormerState], wanted: str) -> FormerState:
    """The state that is wanted, by its time or as the previous one. Raises RollbackError."""
    if not history:
        raise RollbackError(
            f"{paths.name} has no history yet: a state is kept once a later one is healthy. Nothing was changed."
        )
    if wanted == PREVIOUS:
        return history[0]
    for state in history:
        if state.until == wanted:
            return state
    times = ", ".join(state.until for state in history)
    raise RollbackError(f"The history of {paths.name} has no state {wanted}. It has {times}; {PREVIOUS} is the first.")


def copy_for(history: list[FormerState], state: FormerState) -> Copy | None:
    """The copy of the database that a state needs; None where it can run with the database of now.

    The schema has changed since then if an upgrade from this state or a later one changed it. The first of these
    upgrades made a copy that the state knows.
    """
    since = history[: history.index(state) + 1]
    for later in reversed(since):
        if later.migrated:
            path = later.upgrade.get("backup", "")
            match = DATED.fullmatch(os.path.basename(path))
            return Copy(path, match["time"] if match else "", later.upgrade["database"])
    return None


def make_plan(paths: HubPaths, state: FormerState, copy: Copy | None) -> RollbackPlan:
    """What differs from a former state. Raises OSError, and ValueError for a link that is not ours."""
    plan = replace(rollback.make_plan(paths, state.healthy), upgrade={}, database="")
    return replace(plan, database=copy.path) if copy and plan.changes() else plan


def differences(paths: HubPaths, plan: RollbackPlan) -> list[str]:
    """What a state has otherwise than the present one, without values of options, which may be secrets.

    Raises OSError, and ValueError for a link that is not ours.
    """
    options = _options(paths, plan)
    return [
        *(_packages(environment, paths.store(environment), path) for environment, path in plan.releases.items()),
        *([f"the configuration ({_some(options)})"] if options else []),
        *([f"units ({_some(list(plan.units))})"] if plan.units else []),
    ]


def _packages(environment: str, store: ReleaseStore, path: str) -> str:
    """The packages of a former release that the present one has in another version, or does not have."""
    former, present = store.marker(os.path.basename(path)), store.marker(store.current())
    if former is None or present is None:
        return f"the release of {environment}"
    then, now = former.get("packages", {}), present.get("packages", {})
    names = main_first(then.keys() | now.keys())
    different = [f"{name} {then.get(name, 'missing')}" for name in names if then.get(name) != now.get(name)]
    return f"the release of {environment} ({_some(different) or 'with the same packages'})"


def main_first(names: Iterable[str]) -> list[str]:
    """The names of packages, sorted, with those first by which people know an environment."""
    return sorted(names, key=lambda name: (name not in MAIN_PACKAGES, name))


def _options(paths: HubPaths, plan: RollbackPlan) -> list[str]:
    """The names of the options that differ, and of files in Python."""
    names = list(plan.python)
    if plan.config is not None:
        then, now = _flat(plan.config), _flat(read_or_none(paths.config) or b"")
        options = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
        names = [*(options or [os.path.basename(paths.config)]), *names]
    return names


def _flat(config: bytes) -> dict[str, Any]:
    """The options of a configuration by names such as Spawner.cmd; empty where it is not as the role writes it."""
    try:
        classes = json.loads(config)
        return {f"{one}.{option}": value for one, options in classes.items() for option, value in options.items()}
    except (AttributeError, ValueError):
        return {}


def _some(names: list[str]) -> str:
    """The first of many names, and how many others there are."""
    others = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *others])


def problems(
    paths: HubPaths,
    state: FormerState,
    plan: RollbackPlan,
    copy: Copy | None,
    lose_since: str,
    has_program: Callable[[str], bool],
) -> Iterator[str]:
    """Why a state cannot be gone back to, as messages for people. `has_program` says whether the host has a program."""
    note = rollback.read_note(paths.upgrade) or {}
    if note and note.get("demand") != state.until:
        yield f"an upgrade or a way back is half done ({paths.upgrade}): deploy the hub again first."
    upgrade = {"database": copy.place} if copy else {}
    yield from rollback.problems(paths, state.healthy, replace(plan, upgrade=upgrade), has_program)
    if plan.changes() and _has_moved(paths, state):
        yield (
            f"{paths.name} had another address then, of which the web server knows nothing; put its jupyterhub_listen "
            "of then into the inventory, and deploy it."
        )
    if not copy:
        return
    if not copy.path:
        yield (
            "The database was changed by the upgrade that ended this state, and of the kind "
            f"{copy.place['kind']} the hub makes no copy; restore yours by hand."
        )
    elif lose_since != copy.time:
        yield (
            f"The upgrade of {copy.time} changed the schema of the database, so this state needs the copy of then: "
            "people, tokens and shares that the hub got since then would be gone, and servers that started since would "
            f"be stopped. Homes stay as they are. If that is meant, say so: lose_since: {copy.time}."
        )


def _has_moved(paths: HubPaths, state: FormerState) -> bool:
    """Whether the proxy has a socket in the place of an address since then, or the reverse."""
    unit = f"{paths.name}-proxy-unix.socket"
    return os.path.exists(os.path.join(rollback.UNITS, unit)) != (unit in (state.healthy.note or {}).get("units", {}))


def ask_program(run_command: RunCommand, paths: HubPaths, step: str) -> str:
    """What a step of the hub's own program prints, in a sandbox like the hub's. Raises RollbackError."""
    python = sorted(glob.glob(os.path.join(glob.escape(paths.python), "*.py")))
    shown = [*values_of(STANDARD["BindReadOnlyPaths"]), "-/run/postgresql"]
    properties = {
        **STANDARD,
        # As which account PostgreSQL knows it.
        "PrivateUsers": False,
        "BindReadOnlyPaths": shown,
        "ReadWritePaths": paths.state,
        "WorkingDirectory": paths.state,
        "LoadCredential": [f"config.json:{paths.config}", *(f"{os.path.basename(path)}:{path}" for path in python)],
    }
    status, out, err = run_command(
        [
            *("/usr/bin/systemd-run", "--quiet", "--collect", "--wait", "--pipe"),
            *as_options(properties),
            *(
                "--",
                os.path.join(paths.store("hub").path, "current/bin/python"),
                "-m",
                "nbops_jupyterhub.database",
                step,
            ),
            *("--name", paths.name),
        ]
    )
    if status != 0:
        raise RollbackError(f"{paths.name}: {(err or out).strip()}")
    return out.strip()


def begin(paths: HubPaths, healthy: HealthyState, state: FormerState, copy: Copy | None, present: str) -> None:
    """Notes where the hub goes, and the way from there: `present` is a copy of the database as it is.

    Where the former state does not come up, the hub returns to its healthy one by this note.
    """
    note: dict[str, Any] = {"demand": state.until, "from_version": healthy.note["version"] if healthy.note else ""}
    if copy:
        note |= {"backup": present, "database": copy.place}
    rollback.write_upgrade(paths, note)


def begun(paths: HubPaths, state: FormerState) -> str | None:
    """The copy that an interrupted run to the same state made of the present database; None if none was begun."""
    note = rollback.read_note(paths.upgrade) or {}
    return note.get("backup", "") if note.get("demand") == state.until else None
