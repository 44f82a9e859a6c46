# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds units that started before one of the files that they read at their start was changed."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.file_changes import FileChanges, file_of
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import modification_time
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import template_of


@dataclass(frozen=True)
class StaleUnits:
    """Names of units to restart, and warnings about files whose times are in the future."""

    names: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def stale_units(
    units: list[dict], changes: FileChanges, state: dict[str, dict[str, str]], predicted: Collection[str] = ()
) -> StaleUnits:
    """The present units with `restart_on` that run with old files, or would once the `predicted` ones have changed."""
    names, warnings = {}, []
    for unit in units:
        name = unit["name"]
        if unit["state"] != "present" or unit["restart_on"] is None:
            continue
        if state[name]["ActiveState"] not in manager.RUNNING:
            continue
        would_change = not set(predicted).isdisjoint([*unit["restart_on"], *unit["credentials"].values()])
        if would_change or _has_changed(name, units, changes) or _is_older(unit, state[name], warnings):
            names[name] = None
    return StaleUnits(list(names), warnings)


def _has_changed(name: str, units: list[dict], changes: FileChanges) -> bool:
    """Whether this run changes the unit's file, a drop-in or the file of its template."""
    return any(file_of(unit) in changes for unit in units if unit["name"] in (name, template_of(name)))


def _is_older(unit: dict, now: dict[str, str], warnings: list[str]) -> bool:
    """Whether the unit started before a file was changed. Adds warnings."""
    start, present = manager.started_at(now), time.time()
    # Started while the clock was ahead: whatever was changed since then looks older.
    if present < start < float("inf"):
        return True
    for path in [*manager.loaded_files(now), *unit["restart_on"], *unit["credentials"].values()]:
        changed = modification_time(path)
        if changed > present:
            warnings.append(
                f"{path} has a time in the future, so {unit['name']} is not restarted for it; touch the file."
            )
        elif changed > start:
            return True
    return False
