# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How labs go to another state: which units stop and start, what is put back in between, and how that is told."""

from __future__ import annotations

import contextlib

from ansible_collections.nbops.jupyter.plugins.module_utils._lab import history, notes, rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.notes import Lab, Note
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.rollback import Plan, Return
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError


def start_times(labs: list[Lab], systemd: Host) -> dict[str, float]:
    """When each lab that serves was started. Its unit counts as active only once it answers."""
    state = systemd.show([lab.service for lab in labs])
    return {
        lab.name: manager.started_at(state[lab.service])
        for lab in labs
        if state[lab.service]["ActiveState"] in manager.STARTED
    }


def notable(labs: list[Lab], systemd: Host) -> list[Note]:
    """The states of the labs that serve by what is on disk, and have no such note."""
    since = start_times(labs, systemd)
    found = [(lab, notes.present_state(lab)) for lab in labs if lab.name in since]
    return [note for lab, note in found if note and note.changed < since[lab.name] and not notes.is_noted(note)]


def units_to_stop(plan: Plan) -> list[str]:
    """The labs that are restarted, and before them the addresses that differ."""
    moved = [one.note.lab for one in plan.returns if one.restarts and one.note.lab.socket in one.units]
    # systemd opens no socket while what a connection started runs.
    addresses = [unit for lab in moved for unit in (lab.socket, lab.holder)]
    return [*addresses, *(lab.service for lab in plan.restarts())]


def apply(plan: Plan, systemd: Host) -> None:
    """Stops the labs that are restarted, puts everything back, and starts them. Raises OSError and SystemdError."""
    restarted = [lab.service for lab in plan.restarts()]
    if restarted:
        systemd.stop(units_to_stop(plan))
    try:
        rollback.put_back(plan)
    except OSError:
        # Those that are only restarted for their environment serve by either release.
        with contextlib.suppress(SystemdError):
            start(restarted, systemd)
        raise
    if any(one.units for one in plan.returns):
        systemd.systemctl("daemon-reload")
    start(restarted, systemd)


def start(services: list[str], systemd: Host) -> None:
    """Starts services, if there are any. Raises SystemdError."""
    if services:
        systemd.bring_up("start", services)


def note(labs: list[Lab], systemd: Host, *, check_mode: bool) -> list[str]:
    """Writes the notes that are missing or differ, and returns the names of their labs."""
    found = notable(labs, systemd)
    until = history.now()
    for one in found if not check_mode else ():
        history.replace_note(one, until)
    return [one.lab.name for one in found]


def parts_of(one: Return) -> str:
    """What goes back, in words."""
    release = f"release {one.note.release} in {one.note.lab.environment}" if one.release else ""
    config, units = "its configuration" if one.config else "", "its unit" if one.units else ""
    parts = [part for part in (release, config, units) if part]
    return " and ".join([*([", ".join(parts[:-1])] if parts[1:] else []), *parts[-1:]])


def told_of_follower(lab: Lab, *, check_mode: bool) -> str:
    """The sentence about a lab that is only restarted."""
    how = "would be" if check_mode else "was"
    return f"The lab {lab.name} {how} restarted, because the release of its environment goes back."
