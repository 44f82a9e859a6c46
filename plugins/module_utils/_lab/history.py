# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states in which labs served before the present one, and what it takes to go back to one of them.

A state ends when another is noted. Labs change together, so what a host can go back to is a time: until then, each of
its labs was in one state.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none, text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._lab import notes, rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.notes import Note, NoteError
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.rollback import Plan, Return, Starts, Verdict

PREVIOUS = "previous"
# So many times of a host are kept.
KEPT = 5
_FILE = re.compile(r"(?P<until>[0-9]{8}T[0-9]{6}Z)\.json")


def replace_note(note: Note, until: str) -> None:
    """Writes a note, and keeps the one in its place as that of a state that ended `until` now. Raises OSError."""
    former = None
    # A damaged one tells nothing that could be gone back to.
    with contextlib.suppress(NoteError):
        former = notes.read_note(note.lab.name)
    if former and not former.is_like(note):
        _keep(former, until)
    notes.write_note(note)


def now() -> str:
    """The time in UTC, as states are named by it."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _keep(note: Note, until: str) -> None:
    directory = notes.history_directory(note.lab.name)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    path = os.path.join(directory, f"{until}.json")
    # A state that began and ended within a second was not meant.
    if not os.path.exists(path):
        atomic.write(path, notes.to_json(note), 0o600)
    ends = {name: _ends(name) for name in _names()}
    kept = sorted({end for of_lab in ends.values() for end in of_lab})[-KEPT:]
    for name, of_lab in ends.items():
        for end in of_lab:
            if end not in kept:
                os.unlink(os.path.join(notes.history_directory(name), f"{end}.json"))


def times(names: list[str]) -> list[str]:
    """When states of these labs ended, in UTC, as in 20261129T104000Z, the last first. Raises OSError."""
    return sorted({end for name in names for end in _ends(name)}, reverse=True)


def choose(names: list[str], wanted: str) -> str:
    """The time that is wanted, or that of the previous state. Raises NoteError."""
    known = times(names)
    if not known:
        raise NoteError("The labs have no history yet: a state is kept once a later one serves. Nothing was changed.")
    if wanted != PREVIOUS and wanted not in known:
        raise NoteError(f"No state ended at {wanted}, but at {', '.join(known)}; {PREVIOUS} is the first.")
    return known[0] if wanted == PREVIOUS else wanted


def states(names: list[str], until: str) -> list[Note]:
    """The states of labs until a time, but of those that are the same since. Raises OSError and NoteError."""
    ends = {name: [end for end in _ends(name) if end >= until] for name in names}
    return [_read(name, min(later)) for name, later in ends.items() if later]


def _read(name: str, until: str) -> Note:
    path = os.path.join(notes.history_directory(name), f"{until}.json")
    try:
        return notes.from_json(json.loads(read_or_none(path) or b""), os.stat(path).st_mtime)
    except (KeyError, TypeError, ValueError):
        raise NoteError(f"{path} is damaged; remove it.") from None


def make_plan(wanted: list[Note], present: list[Note], starts: Starts) -> Plan:
    """What differs from wanted states; `present` are the notes of all labs of the host. Raises OSError, ValueError."""
    releases = {note.lab.environment: note for note in wanted if rollback.has_other_release(note)}
    returns = [one for note in wanted if (one := _return(note, releases))]
    going = {one.note.lab.name for one in returns}
    others = [note.lab for note in present if note.lab.name not in going]
    followers = [lab for lab in others if lab.environment in releases and lab.name in starts]
    return Plan(returns, releases, followers)


def _return(note: Note, releases: dict[str, Note]) -> Return | None:
    files = tuple(file.path for file in note.files if file.differs())
    goes_with = note.lab.environment in releases
    return Return(note, Verdict.AFTER, goes_with, files, restarts=True) if files or goes_with else None


def problems(plan: Plan) -> Iterator[str]:
    """Why a plan cannot be carried out, as messages for people. Raises OSError."""
    yield from rollback.problems(plan)
    for one in plan.returns:
        lab, other = one.note.lab, plan.releases.get(one.note.lab.environment, one.note)
        if other.release != one.note.release:
            yield (
                f"{lab.name} and {other.lab.name} share {lab.environment}, and served by different releases then; "
                "deploy them anew instead."
            )
        config = next((file for file in one.note.files if os.path.basename(file.path) == "config.json"), None)
        has_moved = config and _base_url(config.text) != _base_url(text_or_none(config.path))
        if lab.socket in one.units or has_moved:
            yield (
                f"{lab.name} had another address then, of which nginx and tunnels know nothing; put its listen and "
                "base_url of then into the inventory, and deploy it."
            )


def _base_url(config: str | None) -> str:
    """The path below which a lab with this configuration serves."""
    with contextlib.suppress(AttributeError, ValueError):
        return json.loads(config or "{}").get("ServerApp", {}).get("base_url", "/")
    return ""


def _names() -> list[str]:
    """The labs that have a history, also those that are in no inventory any more."""
    return os.listdir(os.path.join(notes.NOTES, notes.HISTORY))


def _ends(name: str) -> list[str]:
    """When states of a lab ended."""
    try:
        entries = os.listdir(notes.history_directory(name))
    except FileNotFoundError:
        return []
    return [match["until"] for entry in entries if (match := _FILE.fullmatch(entry))]
