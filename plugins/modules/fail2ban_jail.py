#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_jail
short_description: Add a jail that fail2ban accepts, or remove it
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._mark
description:
  - Writes a filter and a jail of the same name below C(/etc/fail2ban), and reloads only this jail. Other jails and
    their bans stay as they are.
  - Before anything on disk changes, fail2ban tests the two files in a copy of the host's whole configuration. If it
    does not load them all the same, both files are as they were.
  - Starts fail2ban if it does not run.
  - Completes a run that was interrupted between writing and loading.
  - Neither replaces nor removes a file that lacks O(mark).
options:
  name:
    description: Name of the jail, and of its files C(filter.d/<name>.conf) and C(jail.d/<name>.conf).
    type: str
    required: true
  filter:
    description: Text of the filter, which contains O(mark).
    type: str
    default: ""
  jail:
    description: Text of the jail, which contains O(mark).
    type: str
    default: ""
  state:
    description: Whether the jail exists. Removing it lifts its bans.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    details: fail2ban does not test the jail, because the logs that it reads may not exist yet.
  diff_mode:
    support: full
requirements:
  - fail2ban 0.11 or newer and systemd on the target
"""

EXAMPLES = r"""
- name: Ban clients that guess passwords
  nbops.jupyter.fail2ban_jail:
    name: guesses
    mark: written by the guard playbook
    filter: |
      # written by the guard playbook
      [Definition]
      failregex = ^<ADDR> guessed
    jail: |
      # written by the guard playbook
      [guesses]
      enabled = true
      filter = guesses
      logpath = /var/log/guesses.log
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were or would be written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/fail2ban/jail.d/guesses.conf]
loaded:
  description: Whether fail2ban runs with the jail; in check mode, whether it did.
  returned: success
  type: bool
  sample: true
"""

import contextlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._files.marks import require_mark
from ansible_collections.nbops.jupyter.plugins.module_utils._files.pending import PendingLoad
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

DIRECTORY = "/etc/fail2ban"
RUNTIME_DIRECTORY = "/run"
SERVICE = "fail2ban.service"
START_SECONDS = 30

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "filter": {"type": "str", "default": ""},
    "jail": {"type": "str", "default": ""},
    "mark": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class Fail2banError(Exception):
    """fail2ban does not accept a jail; the text says why."""


class Fail2ban:
    """The host's fail2ban. `run` is an AnsibleModule's run_command, `client` the path of fail2ban-client."""

    def __init__(self, run, client):
        self.run = run
        self.client = client

    def has(self, jail):
        """Whether it runs with this jail."""
        return bool(self.client) and self.run([self.client, "status", jail])[0] == 0

    def validate(self, texts):
        """Tests the host's configuration with these texts of files; raises Fail2banError."""
        with tempfile.TemporaryDirectory() as parent:
            staged = os.path.join(parent, "staged")
            shutil.copytree(DIRECTORY, staged, symlinks=True)
            write(texts, staged)
            rc, out, err = self.run([self.client, "-c", staged, "--test"])
        if rc != 0:
            raise Fail2banError((out + err).strip())

    def load_or_unload(self, jail, *, loaded):
        if loaded:
            self.load(jail)
        else:
            self.unload(jail)

    def load(self, jail):
        """Loads the jail's files, and starts fail2ban if it does not run; raises Fail2banError."""
        if self.run([self.client, "ping"])[0] == 0:
            rc, out, err = self.run([self.client, "reload", "--if-exists", jail])
            if rc != 0 or not self.has(jail):
                raise Fail2banError((out + err).strip())
        else:
            self._start(jail)

    def _start(self, jail):
        rc, out, err = self.run(["systemctl", "start", SERVICE])
        if rc != 0:
            raise Fail2banError((out + err).strip())
        deadline = time.monotonic() + START_SECONDS
        # The unit counts as started before fail2ban has read its jails.
        while not self.has(jail):
            if self.run(["systemctl", "is-active", SERVICE])[0] != 0 or time.monotonic() > deadline:
                journal = self.run(["journalctl", f"--unit={SERVICE}", "--lines=20", "--output=cat"])[1]
                raise Fail2banError(journal.strip())
            time.sleep(0.05)

    def unload(self, jail):
        """Stops the jail, which lifts its bans; raises Fail2banError."""
        if self.has(jail):
            rc, out, err = self.run([self.client, "stop", jail])
            if rc != 0:
                raise Fail2banError((out + err).strip())


@dataclass(frozen=True)
class Plan:
    """The texts of the jail's two files by path, None for no file, and whether the jail is loaded now."""

    before: dict[str, str | None]
    after: dict[str, str | None]
    changed_files: list[str]
    is_loaded: bool


def wanted_texts(params):
    """The texts of the jail's two files. Raises ValueError where they cannot be ours."""
    name, mark = params["name"], params["mark"]
    if os.path.basename(name) != name:
        raise ValueError(f"{name!r} is not the name of a jail.")
    texts = {f"filter.d/{name}.conf": params["filter"], f"jail.d/{name}.conf": params["jail"]}
    if params["state"] == "absent":
        return dict.fromkeys(texts)
    for path, text in texts.items():
        if mark not in text:
            raise ValueError(f"The text for {path} lacks the mark '{mark}'.")
    return texts


def make_plan(after, fail2ban, name, mark):
    """Compares the files with the host. Raises ValueError where a file of somebody else is in the way."""
    before = {path: text_or_none(os.path.join(DIRECTORY, path)) for path in after}
    for path, text in before.items():
        require_mark(os.path.join(DIRECTORY, path), text, mark)
    return Plan(before, after, write(after, DIRECTORY, check_mode=True), fail2ban.has(name))


def write(texts, directory, check_mode=False):
    """Writes or removes files; returns the paths of those that differed."""
    changed = []
    for path, text in texts.items():
        files = ManagedFiles(check_mode)
        if text is None:
            files.remove(os.path.join(directory, path))
        else:
            files.write(os.path.join(directory, path), text, 0o644)
        if files.changed:
            changed.append(path)
    return changed


def apply(plan, fail2ban, pending, name, present):
    """Writes the files and loads or unloads the jail. If that fails, files and jail are as they were."""

    def undo():
        write(plan.before, DIRECTORY)
        # The failure that led here is the one to tell.
        with contextlib.suppress(Fail2banError):
            fail2ban.load_or_unload(name, loaded=plan.before[f"jail.d/{name}.conf"] is not None)

    with pending.transaction(undo):
        write(plan.after, DIRECTORY)
        fail2ban.load_or_unload(name, loaded=present)


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    params, name = module.params, module.params["name"]
    present = params["state"] == "present"
    client = module.get_bin_path("fail2ban-client", required=present and not module.check_mode)
    fail2ban = Fail2ban(module.run_command, client)
    pending = PendingLoad(os.path.join(RUNTIME_DIRECTORY, f"fail2ban-jail-{name}.pending"))
    try:
        plan = make_plan(wanted_texts(params), fail2ban, name, params["mark"])
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"{error}\nNothing was changed.")

    changed = bool(plan.changed_files) or plan.is_loaded != present or pending.exists()
    if changed and not module.check_mode:
        try:
            if present:
                fail2ban.validate(plan.after)
        except (Fail2banError, OSError) as error:
            module.fail_json(msg=f"fail2ban refuses the jail:\n{error}\nNothing was changed.")
        try:
            apply(plan, fail2ban, pending, name, present)
        except (Fail2banError, OSError) as error:
            module.fail_json(msg=f"fail2ban does not load the jail, and the files are as they were: {error}")

    module.exit_json(
        changed=changed,
        changed_files=[os.path.join(DIRECTORY, path) for path in plan.changed_files],
        loaded=plan.is_loaded if module.check_mode else present,
        diff=[
            file_diff(os.path.join(DIRECTORY, path), plan.before[path], plan.after[path]) for path in plan.changed_files
        ],
    )


if __name__ == "__main__":
    main()
