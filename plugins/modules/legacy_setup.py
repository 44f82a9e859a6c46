#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_setup
short_description: Back up a Jupyter server that was set up by hand, or restore it
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Stops and disables units that were written by hand, ends servers that were started by hand, and moves their files
    into a backup.
  - Skips what is missing, so a second run changes nothing. Never touches units of this collection.
options:
  state:
    description: V(restored) stops the successors, moves the files back from the backup, and starts the units that ran.
    type: str
    choices: [backed_up, restored]
    default: backed_up
  units:
    description: Services with a file of their own in C(/etc/systemd/system).
    type: list
    elements: str
    default: []
  files:
    description: Other files and links, such as a site of nginx.
    type: list
    elements: path
    default: []
  processes_of:
    description: Accounts whose Jupyter servers outside of units are ended. These cannot be restored.
    type: list
    elements: str
    default: []
  successors:
    description: Units that replace them, which V(restored) stops.
    type: list
    elements: str
    default: []
  backup:
    description: Directory of the backup, which only root can read.
    type: path
    default: /var/backups/nbops-legacy
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the actions.
"""

EXAMPLES = r"""
- name: Stop and back up what a tutorial made
  nbops.jupyter.legacy_setup:
    units: [jupyter-lab.service]
    files: [/etc/nginx/sites-enabled/jupyter]
"""

RETURN = r"""
actions:
  description: Everything that was or would be done, in order.
  type: list
  elements: str
  returned: always
  sample: ["stop jupyter-lab.service", "move /etc/systemd/system/jupyter-lab.service to /var/backups"]
"""

import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import processes
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.backup import Backup
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import ROOT, RUNNING, Host, SystemdError
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import HEADER

SERVICE = re.compile(r"[A-Za-z0-9:_.@\\-]+\.service")

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["backed_up", "restored"], "default": "backed_up"},
    "units": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "list", "elements": "path", "default": []},
    "processes_of": {"type": "list", "elements": "str", "default": []},
    "successors": {"type": "list", "elements": "str", "default": []},
    "backup": {"type": "path", "default": "/var/backups/nbops-legacy"},
}


@dataclass(frozen=True)
class Action:
    """One step of the plan: its description, and what carries it out."""

    text: str
    carry_out: Callable[[], object]


def validate(params: dict) -> None:
    """Raises ValueError for what is not the name of a service, the path of a file, or an account."""
    wrong = [name for name in params["units"] if not SERVICE.fullmatch(name)]
    wrong += [path for path in params["files"] if not os.path.isabs(path) or os.path.isdir(path)]
    if wrong:
        raise ValueError(
            f"{', '.join(wrong)}: units are names such as jupyter-lab.service, files absolute paths of files; "
            "nothing was changed."
        )
    accounts = {account.pw_name for account in pwd.getpwall()}
    missing = [user for user in params["processes_of"] if user not in accounts]
    if missing:
        raise ValueError(f"{', '.join(missing)}: processes_of names accounts of the host; nothing was changed.")


def is_legacy(path: str) -> bool:
    """Whether a unit file exists that this collection did not write."""
    text = text_or_none(path)
    return text is not None and not text.startswith(HEADER)


def plan_backup(params: dict, host: Host, backup: Backup) -> list[Action]:
    """Stops the units, ends the processes, and moves the files that exist."""
    paths = {name: f"{ROOT}/{name}" for name in params["units"] if is_legacy(f"{ROOT}/{name}")}
    states = host.show(list(paths))
    actions = []
    for name, path in paths.items():
        actions.append(
            Action(f"stop {name}", lambda name=name: host.systemctl("disable", "--now", "--quiet", "--", name))
        )
        actions.append(
            take(
                backup,
                path,
                active=states[name]["ActiveState"] in RUNNING,
                enabled=states[name]["UnitFileState"] == "enabled",
            )
        )
    if paths:
        actions.append(Action("daemon-reload", lambda: host.systemctl("daemon-reload")))
    for user in params["processes_of"]:
        running = processes.outside_units(pwd.getpwnam(user).pw_uid)
        if running:
            numbers = ", ".join(str(process.pid) for process in running)
            actions.append(Action(f"end {numbers} of {user}", lambda running=running: processes.end(running)))
    return [*actions, *(take(backup, path) for path in params["files"] if os.path.lexists(path))]


def take(backup: Backup, path: str, **state: bool) -> Action:
    """The action that moves a file into the backup, with the state of its unit."""
    return Action(f"move {path} to {backup.directory}", lambda: backup.take(path, **state))


def plan_restore(params: dict, host: Host, backup: Backup) -> list[Action]:
    """Stops the successors, moves the files back, and enables and starts what was enabled and active."""
    wanted = {*params["files"], *(f"{ROOT}/{name}" for name in params["units"])}
    entries = [entry for entry in backup.moved if entry["path"] in wanted]
    if not entries:
        return []
    actions, successors = [], params["successors"]
    if successors:
        actions.append(Action(f"stop {' '.join(successors)}", lambda: host.stop(successors)))
    for entry in reversed(entries):
        actions.append(Action(f"move {entry['path']} back", lambda entry=entry: backup.restore(entry)))
    actions.append(Action("daemon-reload", lambda: host.systemctl("daemon-reload")))
    for verb, flag in (("enable", "enabled"), ("start", "active")):
        names = [os.path.basename(entry["path"]) for entry in entries if entry.get(flag)]
        if names:
            actions.append(
                Action(f"{verb} {' '.join(names)}", lambda verb=verb, names=names: host.systemctl(verb, "--", *names))
            )
    return actions


PLANNERS = {"backed_up": plan_backup, "restored": plan_restore}


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    params, done = module.params, []
    try:
        validate(params)
        plan = PLANNERS[params["state"]](params, Host(module.run_command), Backup(params["backup"]))
        for action in plan:
            done.append(action.text)
            if not module.check_mode:
                action.carry_out()
    except (SystemdError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), changed=bool(done), actions=done)
    diff = {"prepared": "".join(f"{text}\n" for text in done)} if done else {}
    module.exit_json(changed=bool(done), actions=done, diff=diff)


if __name__ == "__main__":
    main()
