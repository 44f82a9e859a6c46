#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyterhub_rollback
short_description: Take a hub back to its last healthy state
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._hub
description:
  - Restores releases, units, configuration and database of a hub that is not healthy after an upgrade to those with
    which it was last healthy, and starts it. The role P(nbops.jupyter.jupyterhub#role) calls the module, and fails
    nevertheless.
  - The servers of the users run on. The proxy is only restarted if its own release or unit goes back.
  - Replaces the database only if the upgrade began to change it, by the copy that was made before.
  - Changes nothing if there is no earlier healthy state, or if nothing differs from it.
  - Reports all problems before the first change. The next run completes an interrupted one.
"""

EXAMPLES = r"""
- name: Go back
  nbops.jupyter.jupyterhub_rollback:
    name: jupyterhub
"""

RETURN = r"""
msg:
  description: What was or would be done, or why nothing was done.
  type: str
  returned: always
  sample: JupyterHub 5.5.4 runs again.
restored:
  description: What was or would be put back.
  type: dict
  returned: unless the last healthy state cannot be read
  contains:
    version: {description: Version of JupyterHub in the last healthy state; empty without one., type: str}
    database: {description: Path of the copy of the database; empty if the database is unchanged., type: str}
    releases: {description: "Paths of the releases by environment (V(hub), V(user), V(proxy)).", type: dict}
    units: {description: Names of the units of hub and proxy., type: list, elements: str}
    config: {description: Whether the configuration goes back., type: bool}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._hub import rollback, switch
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import DatabaseError
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.rollback import (
    HealthyState,
    HubPaths,
    RollbackError,
    RollbackPlan,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager


def require_possible(paths: HubPaths, healthy: HealthyState, plan: RollbackPlan, module: AnsibleModule) -> None:
    """Raises RollbackError with everything that is missing."""
    problems = rollback.problems(paths, healthy, plan, lambda program: bool(module.get_bin_path(program)))
    if problems:
        text = "\n".join(problems)
        raise RollbackError(f"{paths.name} cannot go back to its last healthy state, and nothing was changed:\n{text}")


def message(name: str, plan: RollbackPlan, check_mode: bool) -> str:
    """What was done or would be done, or why nothing was."""
    if not plan.version:
        return f"{name} has not been healthy before: there is nothing to go back to, and nothing was changed."
    if not plan.changes():
        return f"Nothing differs from when {name} last was healthy: there is nothing to go back to."
    runs = "would run" if check_mode else "runs"
    how = f", with the database as it was before the upgrade ({plan.database})" if plan.database else ""
    return f"JupyterHub {plan.version} {runs} again{how}."


def main() -> None:
    module = AnsibleModule(rollback.ARGUMENTS, supports_check_mode=True)
    surroundings.disregard(0o077)
    paths = rollback.paths_of(module.params)
    known: dict[str, Any] = {}
    start: list[str] = []
    try:
        healthy = rollback.read_healthy_state(paths)
        plan = rollback.make_plan(paths, healthy)
        known["restored"] = plan.report()
        if plan.changes():
            require_possible(paths, healthy, plan, module)
            start = switch.units_to_start(paths.name, manager.Host(module.run_command))
    except (OSError, RollbackError, ValueError, manager.SystemdError) as error:
        module.fail_json(msg=str(error), changed=False, **known)

    if plan.changes() and not module.check_mode:
        try:
            switch.go_back(paths, healthy, plan, start, module.run_command)
        except (DatabaseError, OSError, RollbackError, ValueError, manager.SystemdError) as error:
            module.fail_json(msg=str(error), changed=True, **known)

    module.exit_json(changed=plan.changes(), msg=message(paths.name, plan, module.check_mode), **known)


if __name__ == "__main__":
    main()
