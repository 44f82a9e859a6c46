#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyterlab_rollback
short_description: Note how labs serve, or take those that do not serve back to it
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Notes the release, the configuration and the units by which a lab serves, and restores them when the lab does not
    serve after a change. The role P(nbops.jupyter.jupyterlab#role) calls the module for both, and fails nevertheless.
  - A lab that does not serve is put back and started. A lab that still runs by the noted state runs on, and what is on
    disk becomes again what it runs by. A lab that serves by the new state keeps it, and is noted.
  - A release goes back for all labs of its environment, which are restarted if they run by the other one.
  - A lab that was never noted has nothing to go back to.
  - Reports all problems before the first change. The next run completes an interrupted one.
options:
  state:
    description: V(noted) writes notes about labs that serve; V(restored) takes labs back.
    type: str
    choices: [noted, restored]
    required: true
  labs:
    description: The labs that the run is about.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the lab.
        type: str
        required: true
      environment:
        description: Directory of the releases that the lab uses.
        type: path
        required: true
      service:
        description: Name of its service.
        type: str
        required: true
      socket:
        description: Name of the unit that holds its address.
        type: str
        required: true
      holder:
        description: Name of the unit that a connection starts while the service is away.
        type: str
        required: true
      files:
        description: Paths of all files that the lab reads at its start, and of its units.
        type: list
        elements: path
        required: true
attributes:
  check_mode:
    support: full
    details: Judges what is on the host now, not what earlier tasks would change.
  diff_mode:
    support: none
    details: RV(restored) lists what goes back. Notes hold what opens a lab.
"""

EXAMPLES = r"""
- name: Note that the lab serves
  nbops.jupyter.jupyterlab_rollback:
    state: noted
    labs:
      - name: lab
        environment: /opt/jupyterlab
        service: jupyterlab-lab.service
        socket: jupyterlab-lab.socket
        holder: jupyterlab-address@jupyterlab-lab.service
        files: [/etc/jupyterlab/lab/config.json, /etc/systemd/system/jupyterlab-lab.service]
"""

RETURN = r"""
msg:
  description: What was or would be restored, and why; empty for V(noted).
  type: str
  returned: always
  sample: The lab books did not serve, and runs again as it last served, with release 0e5f5bd26c1a and its unit.
known:
  description: Names of those of the O(labs) that have served before.
  type: list
  elements: str
  returned: unless the notes cannot be read
noted:
  description: Names of the labs whose notes were or would be written.
  type: list
  elements: str
  returned: always
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
from ansible_collections.nbops.jupyter.plugins.module_utils._lab import notes, rollback, switch
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.notes import Lab, NoteError
from ansible_collections.nbops.jupyter.plugins.module_utils._lab.rollback import Plan, Return, Verdict
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["noted", "restored"], "required": True},
    "labs": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "environment": {"type": "path", "required": True},
            "service": {"type": "str", "required": True},
            "socket": {"type": "str", "required": True},
            "holder": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "path", "required": True},
        },
    },
}


def told(plan: Plan, words: dict[str, str], check_mode: bool, down: frozenset[str] = frozenset()) -> str:
    """What happened to each lab, and why, but to those that are still down."""
    returns = [one for one in plan.returns if one.note.lab.name not in down]
    sentences = [sentence(one, words.get(one.note.lab.name, ""), check_mode) for one in returns]
    followers = [lab for lab in plan.followers if lab.name not in down]
    return "\n".join([*sentences, *(switch.told_of_follower(lab, check_mode=check_mode) for lab in followers)])


def sentence(one: Return, words: str, check_mode: bool) -> str:
    """What happened to a lab: why, to what it went back, and its last words before that."""
    name, parts = one.note.lab.name, switch.parts_of(one)
    if not one.restarts:
        will = "would go" if check_mode else "went"
        return f"The lab {name} has run on, and {parts} {will} back to what it was started with."
    why = {
        Verdict.DOWN: "did not serve",
        Verdict.AFTER: "shares its environment with one that did not serve",
        Verdict.BETWEEN: "was started in the middle of a change",
    }[one.verdict]
    runs = "would run" if check_mode else "runs"
    how = f", with {parts}" if parts else "; nothing differed"
    return f"The lab {name} {why}, and {runs} again as it last served{how}." + (
        f" Its last words were:\n{words}" if words else ""
    )


def restore(module: AnsibleModule, labs: list[Lab], result: dict[str, Any]) -> None:
    """Takes labs back, and says in `result` what happens before it does. Raises what its callees do."""
    systemd = Host(module.run_command)
    every = notes.read_notes()
    names = {lab.name for lab in labs}
    result["known"] = sorted(note.lab.name for note in every if note.lab.name in names)
    everyone = {lab.name: lab for lab in [*(note.lab for note in every), *labs]}
    plan = rollback.make_plan(labs, every, switch.start_times(list(everyone.values()), systemd))
    if problems := rollback.problems(plan):
        raise NoteError("Labs cannot go back, and nothing was changed:\n" + "\n".join(problems))
    down = [one.note.lab for one in plan.returns if one.verdict is Verdict.DOWN]
    words = {lab.name: systemd.last_words(lab.service) for lab in down}
    result["restored"] = [one.report() for one in plan.returns]
    result["followed"] = [lab.name for lab in plan.followers]
    result["changed"] = bool(plan.returns or plan.followers)
    result["msg"] = told(plan, words, module.check_mode)
    if not module.check_mode and result["changed"]:
        try:
            switch.apply(plan, systemd)
        except SystemdError as error:
            up = switch.start_times(plan.restarts(), systemd)
            down = frozenset(lab.name for lab in plan.restarts() if lab.name not in up)
            raise SystemdError("\n".join(filter(None, [str(error), told(plan, words, False, down)]))) from None
    result["noted"] = switch.note(plan.noted, systemd, check_mode=module.check_mode)
    result["changed"] = result["changed"] or bool(result["noted"])


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    labs = [Lab(**{**lab, "files": tuple(lab["files"])}) for lab in module.params["labs"]]
    result: dict[str, Any] = {"changed": False, "msg": "", "noted": [], "restored": [], "followed": []}
    try:
        if module.params["state"] == "noted":
            result["noted"] = switch.note(labs, Host(module.run_command), check_mode=module.check_mode)
            result["known"] = sorted(lab.name for lab in labs if notes.has_note(lab.name))
            result["changed"] = bool(result["noted"])
        else:
            restore(module, labs, result)
    except (NoteError, OSError, SystemdError, ValueError) as error:
        module.fail_json(**{**result, "msg": str(error)})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
