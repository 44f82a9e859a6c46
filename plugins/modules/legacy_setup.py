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
description:
  - Stops and disables units that were written by hand, ends servers that were started by hand, and moves the files of
    both into a backup.
  - What is gone already is left alone, so a second run changes nothing. Units of this collection are never touched.
options:
  state:
    description: V(restored) stops the successors, moves everything back that is in the backup, and starts what ran.
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
    description: Accounts whose Jupyter servers are ended that no unit runs. They cannot be brought back.
    type: list
    elements: str
    default: []
  successors:
    description: Units that were to take their place, for V(restored).
    type: list
    elements: str
    default: []
  backup:
    description: Directory of the backup, for root alone.
    type: path
    default: /var/backups/nbops-legacy
attributes:
  check_mode:
    support: full
    description: Tells what would be done.
  diff_mode:
    support: full
    description: Shows the actions.
"""

EXAMPLES = r"""
- name: Stop and back up what a tutorial made
  nbops.jupyter.legacy_setup:
    units: [jupyter-lab.service]
    files: [/etc/nginx/sites-enabled/jupyter]
"""

RETURN = r"""
actions:
  description: Everything that was done, in order; in check mode, what would be done.
  type: list
  elements: str
  returned: always
  sample: ["stop jupyter-lab.service", "move /etc/systemd/system/jupyter-lab.service to /var/backups"]
"""

import os
import pwd
import re
from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import processes
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.backup import Backup
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import ROOT, RUNNING, Failure, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import HEADER

SERVICE = re.compile(r"[A-Za-z0-9:_.@\\-]+\.service")


class Job:
    """One run."""

    def __init__(self, module: AnsibleModule):
        self.module = module
        self.host = Host(module.run_command)
        self.backup = Backup(module.params["backup"])
        self.actions: list[str] = []

    def act(self, text: str, function: Callable, *arguments: object, **named: object) -> None:
        self.actions.append(text)
        if not self.module.check_mode:
            function(*arguments, **named)

    def back_up(self) -> None:
        parameters = self.module.params
        wrong = [name for name in parameters["units"] if not SERVICE.fullmatch(name)]
        wrong += [path for path in parameters["files"] if not os.path.isabs(path) or os.path.isdir(path)]
        if wrong:
            raise Failure(
                f"{', '.join(wrong)}: units are names such as jupyter-lab.service, files absolute paths of files; "
                "nothing was changed."
            )
        paths = {name: f"{ROOT}/{name}" for name in parameters["units"] if is_by_hand(f"{ROOT}/{name}")}
        state = self.host.show(list(paths)) if paths else {}
        for name, path in paths.items():
            was = {
                "active": state[name]["ActiveState"] in RUNNING,
                "enabled": state[name]["UnitFileState"] == "enabled",
            }
            self.act(f"stop {name}", self.host.systemctl, "disable", "--now", "--quiet", "--", name)
            self.act(f"move {path} to {self.backup.directory}", self.backup.take, path, **was)
        if paths:
            self.act("daemon-reload", self.host.systemctl, "daemon-reload")
        for user in parameters["processes_of"]:
            running = processes.of_nobodys_unit(pwd.getpwnam(user).pw_uid)
            if running:
                self.act(f"end {', '.join(str(process.pid) for process in running)} of {user}", processes.end, running)
        for path in parameters["files"]:
            if os.path.lexists(path):
                self.act(f"move {path} to {self.backup.directory}", self.backup.take, path)

    def restore(self) -> None:
        wanted = {*self.module.params["files"], *(f"{ROOT}/{name}" for name in self.module.params["units"])}
        entries = [entry for entry in self.backup.moved if entry["path"] in wanted]
        if not entries:
            return
        successors = self.module.params["successors"]
        if successors:
            self.act(f"stop {' '.join(successors)}", self.host.stop, successors)
        for entry in reversed(entries):
            self.act(f"move {entry['path']} back", self.backup.give_back, entry)
        self.act("daemon-reload", self.host.systemctl, "daemon-reload")
        for verb in ("enable", "start"):
            flag = {"enable": "enabled", "start": "active"}[verb]
            names = [os.path.basename(entry["path"]) for entry in entries if entry.get(flag)]
            if names:
                self.act(f"{verb} {' '.join(names)}", self.host.systemctl, verb, "--", *names)


def is_by_hand(path: str) -> bool:
    """Whether there is a unit file that this collection did not write."""
    if not os.path.isfile(path):
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        return not file.read().startswith(HEADER)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["backed_up", "restored"], "default": "backed_up"},
            "units": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "path", "default": []},
            "processes_of": {"type": "list", "elements": "str", "default": []},
            "successors": {"type": "list", "elements": "str", "default": []},
            "backup": {"type": "path", "default": "/var/backups/nbops-legacy"},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    job = Job(module)
    try:
        {"backed_up": job.back_up, "restored": job.restore}[module.params["state"]]()
    except (Failure, OSError, KeyError) as error:
        module.fail_json(msg=str(error), changed=bool(job.actions), actions=job.actions)
    diff = {"prepared": "".join(f"{action}\n" for action in job.actions)} if job.actions else {}
    module.exit_json(changed=bool(job.actions), actions=job.actions, diff=diff)


if __name__ == "__main__":
    main()
