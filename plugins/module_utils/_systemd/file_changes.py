# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the files of units with the host."""

from __future__ import annotations

import glob
import inspect
from collections.abc import Iterable

from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager, readiness
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import is_plain, is_protected
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import WAIT_READY, has_file, path_of, render

# Old and new text by path. None stands for no file.
FileChanges = dict[str, tuple["str | None", "str | None"]]


def file_of(unit: dict) -> str:
    """The path of the unit's file."""
    return f"{manager.ROOT}/{path_of(unit)}"


def written_units(units: Iterable[dict]) -> list[dict]:
    """The units whose files are written."""
    return [unit for unit in units if unit["state"] == "present" and has_file(unit)]


def file_changes(units: list[dict], profiles: dict) -> FileChanges:
    """The files that differ in text, owner or mode, with that of the readiness check.

    Raises SystemdError where a link or directory is in the way, and OSError.
    """
    wanted = {file_of(unit): render(unit, profiles) for unit in written_units(units)}
    wanted.update({file_of(unit): None for unit in units if unit["state"] == "absent"})
    if _is_check_used(wanted):
        # Before the units that use it.
        wanted = {WAIT_READY: inspect.getsource(readiness), **wanted}
    else:
        wanted[WAIT_READY] = None
    for path in wanted:
        if not is_plain(path):
            raise manager.SystemdError(
                f"{path} is no file of ours (a masked unit is a link to /dev/null); remove it first."
            )
    files = {path: (text_or_none(path), new) for path, new in wanted.items()}
    return {
        path: (old, new)
        for path, (old, new) in files.items()
        if old != new or (new is not None and not is_protected(path))
    }


def _is_check_used(wanted: dict[str, str | None]) -> bool:
    """Whether a unit of the host uses the readiness check after the change."""
    on_disk = glob.glob(f"{manager.ROOT}/*.service") + glob.glob(f"{manager.ROOT}/*.service.d/*.conf")
    texts = {**{path: text_or_none(path) for path in on_disk}, **wanted}
    return any(WAIT_READY in text for text in texts.values() if text)


def needs_reload(units: list[dict], changes: FileChanges, state: dict[str, dict[str, str]]) -> bool:
    """Whether systemd has loaded other files than those on disk, after the changes or after an interrupted run."""
    if set(changes) - {WAIT_READY} or any(now["NeedDaemonReload"] == "yes" for now in state.values()):
        return True
    # systemd 252 does not notice the first drop-in of a unit.
    known = [(file_of(unit), state[unit["name"]]) for unit in written_units(units) if unit["name"] in state]
    return any(now["LoadState"] == "loaded" and path not in manager.loaded_files(now) for path, now in known)
