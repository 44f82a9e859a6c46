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
description:
  - After an upgrade whose hub does not become healthy, puts back the releases, the units, the configuration and the
    database with which it last was, and starts it. The role P(nbops.jupyter.jupyterhub#role) calls it, and fails
    nevertheless.
  - The servers of the users run on. The proxy is only restarted if its own release or unit goes back.
  - The database is only replaced where the upgrade had begun to change it, by the copy that was made before.
  - Without an earlier healthy state, and where nothing differs from it, nothing is changed.
  - Whatever is in the way is said before the first change. An interrupted run is completed by the next one.
options:
  name:
    description: Name of the hub; its unit is C(NAME.service).
    type: str
    required: true
  config:
    description: The hub's configuration. The default is C(/etc/NAME/config.json).
    type: path
attributes:
  check_mode:
    support: full
    description: Tells what would be put back.
  diff_mode:
    support: none
    description: What goes back is told in RV(restored).
requirements:
  - For a hub with PostgreSQL, C(psql) and C(pg_restore) on the target, of the server's version or newer
"""

EXAMPLES = r"""
- name: Go back
  nbops.jupyter.jupyterhub_rollback:
    name: jupyterhub
"""

RETURN = r"""
msg:
  description: What was done, or why nothing was; for people.
  type: str
  returned: always
  sample: JupyterHub 5.5.4 runs again.
restored:
  description: What was or would be put back.
  type: dict
  returned: always
  contains:
    version: {description: Version of JupyterHub in the last healthy state; empty without one., type: str}
    database: {description: The copy of the database that was restored; empty where the database was left., type: str}
    releases: {description: "By environment (V(hub), V(user), V(proxy)) the release that was activated.", type: dict}
    units: {description: The units of hub and proxy whose text was put back., type: list, elements: str}
    config: {description: Whether the configuration was put back., type: bool}
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.rollback import Failure, Rollback
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager


class Job:
    """One run: what differs, and the way back."""

    def __init__(self, module: AnsibleModule):
        self.module = module
        self.name = module.params["name"]
        self.config = module.params["config"] or f"/etc/{self.name}/config.json"
        self.host = manager.Host(module.run_command)
        self.changed = False
        self.restored: dict[str, Any] = {"version": "", "database": "", "releases": {}, "units": [], "config": False}

    def run(self) -> str:
        self.rollback = Rollback(self.name, self.config)
        if not self.rollback.healthy:
            return f"{self.name} has not been healthy before: there is nothing to go back to, and nothing was changed."
        self.restored = {
            "version": self.rollback.healthy["version"],
            "database": self.rollback.database_copy(),
            "releases": self.rollback.releases(),
            "units": list(self.rollback.units()),
            "config": self.rollback.config_differs(),
        }
        if not self.rollback.is_needed():
            return f"Nothing differs from when {self.name} last was healthy: there is nothing to go back to."
        problems = self.rollback.problems(lambda program: bool(self.module.get_bin_path(program)))
        if problems:
            text = "\n".join(problems)
            raise Failure(f"{self.name} cannot go back to its last healthy state, and nothing was changed:\n{text}")
        if not self.module.check_mode:
            self.go_back()
        self.changed = True
        database, version = self.restored["database"], self.restored["version"]
        how = f", with the database as it was before the upgrade ({database})" if database else ""
        return f"JupyterHub {version} {'would run' if self.module.check_mode else 'runs'} again{how}."

    def go_back(self) -> None:
        units = self.units()
        proxy = f"{self.name}-proxy.service"
        goes = "proxy" in self.restored["releases"] or proxy in self.restored["units"]
        names = [f"{self.name}.service", *([proxy] * goes)]
        self.changed = True
        self.host.stop(names)
        now = Rollback(self.name, self.config)
        if (now.healthy, now.config) != (self.rollback.healthy, self.rollback.config):
            self.host.bring_up("start", units)
            raise Failure(f"{self.name} has become healthy in the meantime, and was only restarted.")
        self.rollback.begin()
        # The database first: a hub of either version that is started in between finds one that it can use.
        if self.restored["database"]:
            self.rollback.restore_database(self.module.run_command)
        if self.restored["config"]:
            self.rollback.restore_config()
        self.rollback.restore_releases(self.restored["releases"])
        self.rollback.restore_units(self.rollback.units())
        self.host.systemctl("daemon-reload")
        self.host.bring_up("start", units)
        self.rollback.finish()

    def units(self) -> list[str]:
        """The proxy, the hub, and what stops together with the hub, as far as they are to run."""
        names = [f"{self.name}{part}.service" for part in ("-proxy", "", "-culler")]
        state = self.host.show(names)
        return [name for name in names if state[name]["UnitFileState"] == "enabled"]


def main() -> None:
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}, "config": {"type": "path"}},
        supports_check_mode=True,
    )
    os.umask(0o077)
    job = Job(module)
    try:
        message = job.run()
    except (Failure, manager.SystemdError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), changed=job.changed, restored=job.restored)
    module.exit_json(changed=job.changed, msg=message, restored=job.restored)


if __name__ == "__main__":
    main()
