# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the actions that bring units to their declared state.

A function returns the actions of one step, from the units as the module's option declares them, and from the state that
Host.show returns. A template has no state.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.file_changes import (
    FileChanges,
    file_of,
    needs_reload,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import remove, write
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import (
    PROPERTIES,
    STARTED,
    Host,
    existing_links,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import (
    install_links,
    is_template,
    is_whole,
    kind,
    template_of,
)

# A template has no state of its own; its instances may have any.
TEMPLATE = dict.fromkeys(PROPERTIES, "unknown")
# States of a unit file in which `systemctl enable` changes nothing.
ENABLED = ("enabled", "static", "alias", "indirect", "generated")
# A persistent timer keeps the time of its last run in this file.
TIMER_STAMP = "/var/lib/systemd/timers/stamp-{}"

UnitStates = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Action:
    """A text for people, and the function that carries the action out. It raises SystemdError and OSError."""

    text: str
    carry_out: Callable[[], object]


def removal_actions(units: list[dict], changes: FileChanges, state: UnitStates, host: Host) -> list[Action]:
    """Stops and disables absent units. systemd needs their files for that."""
    stop, disable, stamps = [], [], []
    absent = [unit for unit in units if unit["state"] == "absent" and not unit["drop_in"]]
    # Sockets, timers and paths come first, so that they do not start their services again.
    for unit in sorted(absent, key=lambda unit: kind(unit["name"]) == "service"):
        name, has_changed = unit["name"], file_of(unit) in changes
        now = state.get(name, TEMPLATE)
        known = now["FragmentPath"] == file_of(unit) or now["LoadState"] == "not-found"
        ours = has_changed or known or template_of(name)
        if ours and now["ActiveState"] != "inactive":
            stop.append(name.replace("@.", "@*."))
        if has_changed or (ours and now["UnitFileState"].startswith("enabled")):
            disable.append(name)
        if has_changed and os.path.exists(TIMER_STAMP.format(name)):
            stamps.append(TIMER_STAMP.format(name))
    actions = []
    if stop:
        actions.append(Action(f"stop {' '.join(stop)}", partial(host.stop, stop)))
    if disable:
        text = f"disable {' '.join(disable)}"
        actions.append(Action(text, partial(host.systemctl, "disable", "--quiet", "--", *disable)))
    return actions + [Action(f"remove {stamp}", partial(remove, stamp)) for stamp in stamps]


def file_actions(changes: FileChanges) -> list[Action]:
    """Writes and removes files."""
    return [
        Action(f"remove {path}", partial(remove, path))
        if new is None
        else Action(f"write {path}", partial(write, path, new))
        for path, (_old, new) in changes.items()
    ]


def reload_actions(units: list[dict], changes: FileChanges, state: UnitStates, host: Host) -> list[Action]:
    """Makes systemd read the files of all units if it has loaded other ones."""
    if not needs_reload(units, changes, state):
        return []
    return [Action("daemon-reload", partial(host.systemctl, "daemon-reload"))]


def enable_actions(units: list[dict], state: UnitStates, host: Host) -> list[Action]:
    """Enables and disables present units, each kind by one command."""
    verbs: dict[str, list[str]] = {}
    for unit in _present(units):
        verb = None if is_template(unit["name"]) else enablement(unit, state[unit["name"]]["UnitFileState"])
        if verb:
            verbs.setdefault(verb, []).append(unit["name"])
    return [
        Action(f"{verb.removeprefix('re')} {' '.join(names)}", partial(host.systemctl, verb, "--quiet", "--", *names))
        for verb, names in verbs.items()
    ]


def restart_actions(stale: list[str], state: UnitStates, host: Host) -> list[Action]:
    """Restarts units by their names."""
    actions = []
    sockets = [name for name in stale if kind(name) == "socket"]
    if sockets:
        # systemd does not reopen a socket that its service holds. The next connection, or the last step of the run,
        # starts the service again.
        both = [*sockets, *(service for name in sockets for service in state[name]["Triggers"].split())]
        actions.append(Action(f"stop {' '.join(both)}", partial(host.systemctl, "stop", "--", *both)))
        actions.append(Action(f"start {' '.join(sockets)}", partial(host.bring_up, "start", sockets)))
    others = [name for name in stale if name not in sockets]
    if others:
        actions.append(Action(f"restart {' '.join(others)}", partial(host.bring_up, "restart", others)))
    return actions


def start_actions(units: list[dict], state: UnitStates, host: Host) -> list[Action]:
    """Starts the present units that should run and do not."""
    names = dict.fromkeys(unit["name"] for unit in _present(units) if wants_start(unit))
    down = [name for name in names if state[name]["ActiveState"] not in STARTED]
    failed = [name for name in down if state[name]["ActiveState"] == "failed"]
    actions = []
    if failed:
        # systemd does not start a unit that failed too often until its failures are reset.
        text = f"reset-failed {' '.join(failed)}"
        actions.append(Action(text, partial(host.systemctl, "reset-failed", "--", *failed)))
    if down:
        actions.append(Action(f"start {' '.join(down)}", partial(host.bring_up, "start", down)))
    return actions


def wants_start(unit: dict) -> bool:
    """Whether the unit should run."""
    if unit["started"] is None:
        return not unit["drop_in"] and not is_template(unit["name"])
    return unit["started"]


def wants_enable(unit: dict) -> bool | None:
    """Whether the unit should start at boot; None leaves it as it is."""
    if unit["enabled"] is None and not unit["drop_in"]:
        return "Install" in unit["sections"] or not is_whole(unit)
    return unit["enabled"]


def enablement(unit: dict, file_state: str) -> str | None:
    """The verb of systemctl that enables or disables the unit; None if it is as it should be.

    `file_state` is systemd's UnitFileState.
    """
    wanted = wants_enable(unit)
    if wanted is None:
        return None
    links = install_links(unit)
    if links is None:
        if wanted:
            return None if file_state in ENABLED else "enable"
        return "disable" if file_state.startswith("enabled") else None
    # The links themselves are compared, because systemd calls a unit enabled as long as one of them is left.
    if existing_links(unit["name"]) == (links if wanted else set()):
        return None
    return "reenable" if wanted else "disable"


def _present(units: list[dict]) -> list[dict]:
    return [unit for unit in units if unit["state"] == "present"]
