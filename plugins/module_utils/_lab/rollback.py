# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans which labs go back to the state in which they served, and puts back their files and releases."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._lab.notes import Lab, Note
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import modification_time

# When each lab that serves was started, in seconds since 1970, by name.
Starts = Mapping[str, float]


class Verdict(enum.Enum):
    """How a lab stands to the state in which it last served."""

    SAME = "serves, and nothing differs"
    DOWN = "does not serve"
    BEFORE = "serves by that state, and differs on disk alone"
    AFTER = "serves by the other state"
    BETWEEN = "serves by neither: it was started between two changes"


@dataclass(frozen=True)
class Return:
    """A lab that goes back: its note, what of it differs, and whether it is restarted for it."""

    note: Note
    verdict: Verdict
    release: bool
    files: tuple[str, ...]
    restarts: bool

    @property
    def units(self) -> list[str]:
        """The names of its units that differ."""
        names = [os.path.basename(path) for path in self.files]
        return [name for name in names if name in (self.note.lab.service, self.note.lab.socket)]

    @property
    def config(self) -> bool:
        """Whether its configuration differs."""
        return len(self.files) > len(self.units)

    def report(self) -> dict[str, Any]:
        """The return as the module tells it."""
        release = self.note.lab.store.directory(self.note.release) if self.release else ""
        return {
            "name": self.note.lab.name,
            "release": release,
            "config": self.config,
            "units": self.units,
            "restarted": self.restarts,
        }


@dataclass(frozen=True)
class Plan:
    """What goes back: the labs, the release of each environment by a note, and the labs that follow their environment.

    `noted` are labs that serve by the new state and keep it.
    """

    returns: list[Return] = field(default_factory=list)
    releases: dict[str, Note] = field(default_factory=dict)
    followers: list[Lab] = field(default_factory=list)
    noted: list[Lab] = field(default_factory=list)

    def restarts(self) -> list[Lab]:
        """The labs that are stopped before the change and started after it."""
        return [*(one.note.lab for one in self.returns if one.restarts), *self.followers]


def judge(note: Note, started: float | None) -> Verdict:
    """How a lab stands that was started at a time, None for one that does not serve. Raises OSError and ValueError."""
    if started is None:
        return Verdict.DOWN
    times = list(_times_of_differences(note))
    if not times:
        return Verdict.SAME
    newer = [time > started for time in times]
    return Verdict.BEFORE if all(newer) else Verdict.BETWEEN if any(newer) else Verdict.AFTER


def _times_of_differences(note: Note) -> Iterator[float]:
    release = [note.lab.link] if has_other_release(note) else []
    for path in [*release, *(file.path for file in note.files if file.differs())]:
        # A lab reads its files at its start: what is missing went later.
        yield modification_time(path) if os.path.lexists(path) else float("inf")


def has_other_release(note: Note) -> bool:
    """Whether another release is current than the note has. Raises ValueError for a link that is not ours."""
    return note.lab.store.current() != note.release


def make_plan(labs: list[Lab], notes: list[Note], starts: Starts) -> Plan:
    """What goes back, of the labs that a run was about. Raises OSError and ValueError.

    `notes` are all of the host: labs that the run was not about may share an environment.
    """
    by_name = {lab.name: lab for lab in labs}
    verdicts = [(note, judge(note, starts.get(note.lab.name))) for note in notes if note.lab.name in by_name]
    releases = _releases(verdicts)
    returns = [one for note, verdict in verdicts if (one := _return(note, verdict, releases))]
    going = {one.note.lab.name for one in returns}
    everyone = {**{note.lab.name: note.lab for note in notes}, **by_name}
    followers = [lab for name, lab in everyone.items() if name not in going and _follows(lab, releases, starts)]
    moved = {lab.name for lab in followers}
    stay = {note.lab.name for note, verdict in verdicts if verdict is Verdict.AFTER} - going - moved
    return Plan(returns, releases, followers, [by_name[name] for name in sorted(stay)])


def _releases(verdicts: list[tuple[Note, Verdict]]) -> dict[str, Note]:
    """The environments whose release goes back, each with the note that says to which.

    One goes back for a lab that does not serve by the other release; for labs that have not met it yet, only where no
    lab serves by it.
    """
    found: dict[str, Note] = {}
    others = [(note, verdict) for note, verdict in verdicts if has_other_release(note)]
    served = {note.lab.environment for note, verdict in others if verdict is Verdict.AFTER}
    for note, verdict in sorted(others, key=lambda pair: pair[0].written):
        broken = verdict in (Verdict.DOWN, Verdict.BETWEEN)
        if broken or (verdict is Verdict.BEFORE and note.lab.environment not in served):
            found[note.lab.environment] = note
    return found


def _return(note: Note, verdict: Verdict, releases: dict[str, Note]) -> Return | None:
    goes_with = note.lab.environment in releases and has_other_release(note)
    files = tuple(file.path for file in note.files if file.differs())
    if verdict is Verdict.SAME or (verdict is Verdict.AFTER and not goes_with):
        return None
    if verdict is Verdict.BEFORE:
        # Its files fit its release: they go back together, or both wait for the next run.
        if has_other_release(note) and not goes_with:
            return None
        return Return(note, verdict, goes_with, files, restarts=False)
    return Return(note, verdict, goes_with, files, restarts=True)


def _follows(lab: Lab, releases: dict[str, Note], starts: Starts) -> bool:
    """Whether a lab runs by a release that goes, without going back itself."""
    started = starts.get(lab.name)
    return lab.environment in releases and started is not None and started > modification_time(lab.link)


def problems(plan: Plan) -> list[str]:
    """Why a plan cannot be carried out, as messages for people."""
    return [
        f"{note.lab.store.directory(note.release)}, by which {note.lab.name} last served, is gone."
        for note in plan.releases.values()
        if note.lab.store.marker(note.release) is None
    ]


def put_back(plan: Plan) -> None:
    """Puts back files and releases. Raises OSError.

    The releases come last: as long as one differs, the next run knows that it has to complete this one.
    """
    for one in plan.returns:
        for file in one.note.files:
            file.put_back()
    for note in plan.releases.values():
        note.lab.store.activate(note.release)
        os.utime(note.lab.link, ns=(note.switched, note.switched), follow_symlinks=False)
