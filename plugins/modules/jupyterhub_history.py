#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyterhub_history
short_description: Take a hub back to a former state on demand
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._hub
description:
  - Lists the states in which a hub was healthy before the present one, at most five, and restores releases, units and
    configuration of one of them. The playbook C(nbops.jupyter.rollback) calls the module.
  - The database stays where its schema is the same. Where an upgrade changed it, the copy from before that upgrade
    takes its place, once O(lose_since) says that what came since then may go; the present one is copied first.
  - The servers of the users run on, except those that started after the copy was made, which the hub would not know.
  - The hub is away while it is restarted. Where the former state does not come up, the hub returns to the present one,
    and the module fails.
  - Reports all problems before the first change. Calling it again completes an interrupted run.
options:
  state:
    description:
      - V(listed) only reads the history.
      - V(noted) notes the release of users' servers, which changes without a restart of the hub.
      - V(restored) goes back.
    type: str
    choices: [listed, noted, restored]
    default: listed
  to:
    description: For O(state=restored), the RV(history[].until) of a state, or V(previous).
    type: str
    default: previous
  lose_since:
    description: For O(state=restored), the RV(history[].lose_since) of the state, if it has one.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: See where a hub can go
  nbops.jupyter.jupyterhub_history:
    name: jupyterhub

- name: Go back to before the last change
  nbops.jupyter.jupyterhub_history:
    name: jupyterhub
    state: restored
"""

RETURN = r"""
msg:
  description: What was or would be done.
  type: str
  returned: always
  sample: JupyterHub 5.5.4 runs again, as until 20261129T104000Z.
history:
  description: The former states, the newest first.
  type: list
  elements: dict
  returned: for O(state=listed) and O(state=restored)
  contains:
    until: {description: "When the state ended, in UTC.", type: str}
    version: {description: Version of JupyterHub., type: str}
    differences:
      description:
        - What it has otherwise than the present state, in words. They name packages with their version in that state,
          options and files of the configuration, and units.
      type: list
      elements: str
    lose_since:
      description: Time of the copy of the database that the state needs; empty where it runs with the present one.
      type: str
    problem: {description: Why the hub cannot go there; empty where it can., type: str}
restored:
  description: What was or would be put back.
  type: dict
  returned: for O(state=restored)
  contains:
    version: {description: Version of JupyterHub in that state., type: str}
    database: {description: Path of the copy of the database; empty if the database stays., type: str}
    releases: {description: "Paths of the releases by environment (V(hub), V(user), V(proxy)).", type: dict}
    units: {description: Names of the units of hub and proxy., type: list, elements: str}
    config: {description: Whether the configuration goes back., type: bool}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import history as past
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback, switch
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import DatabaseError
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.history import Copy, FormerState
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.rollback import RollbackError, RollbackPlan
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager

FAILURES = (DatabaseError, OSError, RollbackError, ValueError, manager.SystemdError)
ARGUMENT_SPEC = {
    **rollback.ARGUMENTS,
    "state": {"type": "str", "choices": ["listed", "noted", "restored"], "default": "listed"},
    "to": {"type": "str", "default": past.PREVIOUS},
    "lose_since": {"type": "str", "default": ""},
}


class Hub:
    """A hub on this host, and the module's programs."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self.paths = rollback.paths_of(module.params)
        self.systemd = manager.Host(module.run_command)

    def listed(self) -> dict[str, Any]:
        """The former states, each with what keeps the hub from going there."""
        return {"changed": False, "msg": "", "history": self._entries(past.read_history(self.paths))}

    def _entries(self, states: list[FormerState]) -> list[dict[str, Any]]:
        return [self._entry(states, state) for state in states]

    def _entry(self, states: list[FormerState], state: FormerState) -> dict[str, Any]:
        copy = past.copy_for(states, state)
        time = copy.time if copy else ""
        plan = past.make_plan(self.paths, state, copy)
        return {
            "until": state.until,
            "version": state.healthy.note["version"],
            "differences": past.differences(self.paths, plan),
            "lose_since": time,
            "problem": "\n".join(self._problems(state, plan, copy, time)),
        }

    def _problems(self, state: FormerState, plan: RollbackPlan, copy: Copy | None, lose_since: str) -> list[str]:
        has_program = self._module.get_bin_path
        return list(past.problems(self.paths, state, plan, copy, lose_since, lambda name: bool(has_program(name))))

    def noted(self) -> dict[str, Any]:
        """Has the program of a hub that runs note another release of users' servers."""
        note = rollback.read_healthy_state(self.paths).note
        unit = f"{self.paths.name}.service"
        current = self.paths.store("user").current()
        is_noted = not note or os.path.basename(note["releases"]["user"]) == current
        if is_noted or os.path.exists(self.paths.upgrade) or not self.systemd.active(unit):
            return {"changed": False, "msg": ""}
        if not self._module.check_mode:
            past.ask_program(self._module.run_command, self.paths, "healthy")
        return {"changed": True, "msg": f"The hub notes the release {current} of users' servers."}

    def restored(self) -> dict[str, Any]:
        """Goes back. Raises RollbackError with everything that is wrong, before the first change."""
        states = past.read_history(self.paths)
        state = past.choose(self.paths, states, self._module.params["to"])
        copy = past.copy_for(states, state)
        plan = past.make_plan(self.paths, state, copy)
        begun = past.begun(self.paths, state)
        told = {"history": self._entries(states), "restored": plan.report()}
        if not plan.changes() and begun is None:
            return {"changed": False, "msg": f"Nothing differs from the state until {state.until}.", **told}
        if found := self._problems(state, plan, copy, self._module.params["lose_since"]):
            text = "\n".join(found)
            raise RollbackError(f"{self.paths.name} cannot go back to {state.until}, and nothing was changed:\n{text}")
        runs = "would run" if self._module.check_mode else "runs"
        message = f"JupyterHub {plan.version} {runs} again, as until {state.until}."
        if not self._module.check_mode:
            present = self._go(state, plan, copy, begun)
            message += f" The database of until now is kept as {present}." if present else ""
        return {"changed": True, "msg": message, **told}

    def _go(self, state: FormerState, plan: RollbackPlan, copy: Copy | None, begun: str | None) -> str:
        """Stops the hub, puts everything back and starts it. Returns the path of the copy of the present database."""
        healthy = rollback.read_healthy_state(self.paths)
        start = switch.units_to_start(self.paths.name, self.systemd)
        self.systemd.stop(switch.units_to_stop(self.paths.name, state.healthy, plan))
        try:
            present = begun or (past.ask_program(self._module.run_command, self.paths, "copy") if copy else "")
            past.begin(self.paths, healthy, state, copy, present)
        except FAILURES:
            self.systemd.bring_up("start", start)
            raise
        try:
            self._put_back(plan, copy)
            self.systemd.systemctl("daemon-reload")
            self.systemd.bring_up("start", start)
        except FAILURES as error:
            # If the former state has become healthy by now, and only another unit failed, it stays.
            plan = rollback.make_plan(self.paths, healthy)
            switch.go_back(self.paths, healthy, plan, start, self._module.run_command)
            raise RollbackError(
                f"{self.paths.name} did not come up as until {state.until}, and runs again as before:\n{error}"
            ) from None
        rollback.finish(self.paths)
        return present

    def _put_back(self, plan: RollbackPlan, copy: Copy | None) -> None:
        if copy:
            self._stop_servers_since(copy)
            rollback.put_copy(copy.path, copy.place, self._module.run_command)
        rollback.restore_files(self.paths, plan)

    def _stop_servers_since(self, copy: Copy) -> None:
        """The copy knows nothing of them: they would run on, and nobody could reach or stop them."""
        made = os.stat(copy.path).st_mtime
        servers = self.systemd.active(self.paths.servers)
        state = self.systemd.show(servers)
        if since := [name for name in servers if manager.started_at(state[name]) >= made]:
            self.systemd.stop(since)


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard(0o077)
    hub = Hub(module)
    try:
        result = {"listed": hub.listed, "noted": hub.noted, "restored": hub.restored}[module.params["state"]]()
    except FAILURES as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
