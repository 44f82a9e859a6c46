# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the module firewall changes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import Opening, ufw_rule
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.state import PresentState


@dataclass(frozen=True)
class Plan:
    """What changes, after a change that waits to be confirmed was reverted."""

    revert: bool
    load: str | None = None  # the text of the table that the kernel loads
    add: list[Opening] = field(default_factory=list)  # to the rules of ufw
    delete: list[Opening] = field(default_factory=list)
    remove_table: bool = False  # from the kernel
    remove_file: bool = False
    diff: list[dict[str, str]] = field(default_factory=list)

    def is_change(self) -> bool:
        """Whether anything changes but for the revert."""
        return bool(self.load or self.add or self.delete or self.remove_table or self.remove_file)


def plan_table(state: PresentState, path: str, text: str, loaded: str | None) -> Plan:
    """Our table lets in what its text says. `loaded` is the text as the kernel lists it, None if that is not known."""
    # The table in the kernel may have been changed or flushed since.
    is_same = state.file == text and loaded in (None, state.table)
    return Plan(
        revert=state.is_pending,
        load=None if is_same else text,
        delete=state.ours,  # from a time when ufw was active
        diff=[file_diff(path, state.file, text)] if state.file != text else [],
    )


def plan_ufw(state: PresentState, wanted: Iterable[Opening]) -> Plan:
    """ufw lets in what is wanted, by our rules where others have none, and there is no table."""
    wanted, ours = set(wanted), set(state.ours)
    add, delete = wanted - ours - set(state.theirs), ours - wanted
    return Plan(
        revert=state.is_pending,
        add=sorted(add),
        delete=sorted(delete),
        # A table of ours would close what ufw opens.
        remove_table=bool(state.table),
        remove_file=state.file is not None,
        diff=[_ufw_diff(ours, ours - delete | add)],
    )


def plan_absent(state: PresentState) -> Plan:
    """Neither rules nor a table of ours are left."""
    return Plan(
        revert=state.is_pending,
        delete=state.ours,
        remove_table=bool(state.table),
        remove_file=state.file is not None,
        diff=[_ufw_diff(state.ours, [])] if state.ours else [],
    )


def _ufw_diff(before: Iterable[Opening], after: Iterable[Opening]) -> dict[str, str]:
    return file_diff("ufw", _lines(before), _lines(after))


def _lines(openings: Iterable[Opening]) -> str:
    return "".join(f"allow {' '.join(ufw_rule(opening))}\n" for opening in sorted(openings))
