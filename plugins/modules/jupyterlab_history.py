#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyterlab_history
short_description: Take labs back to a former state on demand
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Lists the times until which the labs of a host served in another state, at most five, and restores releases, units
    and configuration of one of them. The playbook C(nbops.jupyter.rollback) calls the module.
  - Labs change together, so they go back together, to how each was until then. A lab that is the same since then runs
    on, unless the release of its environment goes back.
  - The labs that go back are away while they are restarted. Where one does not come up, all of them return to the
    present state, and the module fails.
  - A lab whose address was another one is refused, because what stands in front of it does not go back.
  - Reports all problems before the first change. Calling it again completes an interrupted run.
options:
  labs:
    description: Names of the labs.
    type: list
    elements: str
    required: true
  state:
    description: V(listed) only reads the history; V(restored) goes back.
    type: str
    choices: [listed, restored]
    default: listed
  to:
    description: For O(state=restored), the RV(history[].until) of a state, or V(previous).
    type: str
    default: previous
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: RV(restored) lists what goes back. The history holds what opens a lab.
"""

EXAMPLES = r"""
- name: See where labs can go
  nbops.jupyter.jupyterlab_history:
    labs: [lab, books]

- name: Go back to before the last change
  nbops.jupyter.jupyterlab_history:
    labs: [lab, books]
    state: restored
"""

RETURN = r"""
msg:
  description: What was or would be done; empty for V(listed).
  type: str
  returned: always
  sample: The lab books runs again as until 20261129T104000Z, with its configuration.
history:
  description: The times at which states ended, the last first.
  type: list
  elements: dict
  returned: always
  contains:
    until: {description: "When the state ended, in UTC.", type: str}
    labs: {description: "What differs of each lab from now, in words, by their names.", type: dict}
    problem: {description: Why the labs cannot go there; empty where they can., type: str}
restored:
  description: The labs that went or would go back.
  type: list
  elements: dict
  returned: always
  contains:
    name: {description: Name of the lab., type: str}
    release: {description: Path of the release that is current again; empty if none was replaced., type: str}
    config: {description: Whether the configuration goes back., type: bool}
    units: {description: Names of the units that go back., type: list, elements: str}
    restarted: {description: Whether the lab is restarted for it., type: bool}
followed:
  description: Names of labs that are only restarted, because the release of their environment goes back.
  type: list
  elements: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._lab import history, notes, switch
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.notes import Note, NoteError
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.rollback import Plan
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError

ARGUMENT_SPEC = {
    "labs": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["listed", "restored"], "default": "listed"},
    "to": {"type": "str", "default": history.PREVIOUS},
}


class Labs:
    """The labs of this host that have served, and those of them that may go back."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._systemd = Host(module.run_command)
        self._notes = notes.read_notes()
        # Of one that was removed, the history tells nothing any more.
        self._names = [note.lab.name for note in self._notes if note.lab.name in module.params["labs"]]

    def listed(self) -> list[dict[str, Any]]:
        """The times at which states ended, with what differs, and what keeps the labs from going there."""
        return [self._entry(until) for until in history.times(self._names)]

    def _entry(self, until: str) -> dict[str, Any]:
        plan = self._plan(history.states(self._names, until))
        labs = {one.note.lab.name: switch.parts_of(one) for one in plan.returns}
        return {"until": until, "labs": labs, "problem": "\n".join(history.problems(plan))}

    def _plan(self, wanted: list[Note]) -> Plan:
        everyone = [note.lab for note in self._notes]
        return history.make_plan(wanted, self._notes, switch.start_times(everyone, self._systemd))

    def restored(self, result: dict[str, Any]) -> None:
        """Goes back, and says in `result` what happens before it does. Raises what its callees do."""
        until = history.choose(self._names, self._module.params["to"])
        plan = self._plan(history.states(self._names, until))
        if not plan.returns:
            result["msg"] = f"Nothing differs from the state until {until}."
            return
        if found := list(history.problems(plan)):
            text = "\n".join(found)
            raise NoteError(f"The labs cannot go back to {until}, and nothing was changed:\n{text}")
        result["changed"] = True
        result["restored"] = [one.report() for one in plan.returns]
        result["followed"] = [lab.name for lab in plan.followers]
        if not self._module.check_mode:
            self._go(plan, until)
        result["msg"] = self._told(plan, until)

    def _go(self, plan: Plan, until: str) -> None:
        going = {one.note.lab.name for one in plan.returns}
        try:
            switch.apply(plan, self._systemd)
        except (OSError, SystemdError) as error:
            switch.apply(self._plan([note for note in self._notes if note.lab.name in going]), self._systemd)
            raise SystemdError(
                f"The labs did not come up as until {until}, and serve again as before:\n{error}"
            ) from None
        switch.note(plan.restarts(), self._systemd, check_mode=False)

    def _told(self, plan: Plan, until: str) -> str:
        check_mode = self._module.check_mode
        runs = "would run" if check_mode else "runs"
        sentences = [
            f"The lab {one.note.lab.name} {runs} again as until {until}, with {switch.parts_of(one)}."
            for one in plan.returns
        ]
        return "\n".join([*sentences, *(switch.told_of_follower(lab, check_mode=check_mode) for lab in plan.followers)])


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    result: dict[str, Any] = {"changed": False, "msg": "", "history": [], "restored": [], "followed": []}
    try:
        labs = Labs(module)
        result["history"] = labs.listed()
        if module.params["state"] == "restored":
            labs.restored(result)
    except (NoteError, OSError, SystemdError, ValueError) as error:
        module.fail_json(**{**result, "msg": str(error)})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
