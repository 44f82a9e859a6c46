# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds who listens on an address that a `.socket` unit is to hold."""

from __future__ import annotations

from ansible_collections.nbops.jupyter.plugins.module_utils._process.listeners import listening_on
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.file_changes import FileChanges, file_of
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import STARTED
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import kind


def strangers(units: list[dict], changes: FileChanges, state: dict[str, dict[str, str]]) -> list[str]:
    """What stands in the way of sockets that start in this run: each with the unit, the address and who has it.

    Units of the list let go what they have. Raises OSError.
    """
    found = []
    for unit in units:
        name = unit["name"]
        if unit["state"] != "present" or kind(name) != "socket" or not unit["sections"]:
            continue
        if state[name]["ActiveState"] in STARTED and file_of(unit) not in changes:
            continue
        streams = (unit["sections"].get("Socket") or {}).get("ListenStream") or []
        for stream in streams if isinstance(streams, list) else [streams]:
            found += [
                f"{name}: {stream} is taken by {process}. Stop that, or choose another address."
                for process in listening_on(str(stream))
                if process.number != 1 and process.unit not in state
            ]
    return found
