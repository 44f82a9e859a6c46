#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fail2ban_jail
short_description: Give fail2ban a jail that it accepts, or take it away
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._mark
description:
  - Writes a filter and a jail of the same name below C(/etc/fail2ban), and has the running fail2ban load this jail
    alone. Other jails and their bans stay as they are.
  - Before anything on disk changes, fail2ban itself tests the two files together with the host's whole configuration,
    in a copy of it. Where it does not load them all the same, both files are as they were.
  - A fail2ban that does not run is started.
  - A run that was interrupted between writing and loading is completed by the next one.
  - A file that does not carry O(mark) belongs to somebody else. It is neither replaced nor removed.
options:
  name:
    description: Name of the jail, of C(filter.d/<name>.conf) and of C(jail.d/<name>.conf).
    type: str
    required: true
  filter:
    description: Text of the filter. It contains O(mark).
    type: str
    default: ""
  jail:
    description: Text of the jail. It contains O(mark).
    type: str
    default: ""
  state:
    description: Whether the jail is there. An absent one lifts its bans.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    support: full
    details: Predicts the change. fail2ban is not asked, as the logs that a jail reads may not be there yet.
  diff_mode:
    support: full
    details: Shows the files as they were and as they will be.
requirements:
  - fail2ban 0.11 or newer and systemd on the target
"""

EXAMPLES = r"""
- name: Ban who guesses passwords
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles

DIRECTORY = "/etc/fail2ban"
RUNTIME_DIRECTORY = "/run"
START_SECONDS = 30


class LoadError(Exception):
    """fail2ban did not take the jail; the text says what it had against it."""


class Fail2ban:
    """The host's fail2ban, as its client sees it."""

    def __init__(self, module, required):
        self.run = module.run_command
        self.client = module.get_bin_path("fail2ban-client", required=required)

    def knows(self, jail):
        """Whether it runs with this jail."""
        return bool(self.client) and self.run([self.client, "status", jail])[0] == 0

    def complaint(self, texts):
        """What speaks against these texts of files, None for one that goes; empty if nothing does."""
        with tempfile.TemporaryDirectory() as parent:
            staged = os.path.join(parent, "staged")
            shutil.copytree(DIRECTORY, staged, symlinks=True)
            keep(texts, staged)
            rc, out, err = self.run([self.client, "-c", staged, "--test"])
        return "" if rc == 0 else (out + err).strip()

    def load(self, jail):
        """Have it take the jail's files as they are; LoadError if it does not."""
        if self.run([self.client, "ping"])[0] == 0:
            rc, out, err = self.run([self.client, "reload", "--if-exists", jail])
            if rc != 0 or not self.knows(jail):
                raise LoadError((out + err).strip())
            return
        rc, out, err = self.run(["systemctl", "start", "fail2ban.service"])
        deadline = time.monotonic() + START_SECONDS
        while rc == 0 and not self.knows(jail):
            # The unit has started when its program has; what is wrong with a jail is noticed only then.
            if self.run(["systemctl", "is-active", "fail2ban.service"])[0] != 0 or time.monotonic() > deadline:
                rc, out, err = 1, self.run(["journalctl", "--unit=fail2ban", "--lines=20", "--output=cat"])[1], ""
            time.sleep(0.05)
        if rc != 0:
            raise LoadError((out + err).strip())

    def unload(self, jail):
        """Have it forget the jail and lift its bans."""
        if self.knows(jail):
            self.run([self.client, "stop", jail], check_rc=True)


def keep(texts, directory, check_mode=False):
    """Give files of a directory their texts, and remove those without one; returns the paths of what differed."""
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


def content(path):
    try:
        with open(os.path.join(DIRECTORY, path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "filter": {"type": "str", "default": ""},
            "jail": {"type": "str", "default": ""},
            "mark": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )
    name, mark = module.params["name"], module.params["mark"]
    present = module.params["state"] == "present"
    if os.path.basename(name) != name:
        module.fail_json(msg=f"{name!r} is not the name of a jail.")
    parts = {"filter": f"filter.d/{name}.conf", "jail": f"jail.d/{name}.conf"}
    after = {path: module.params[part] if present else None for part, path in parts.items()}
    before = {path: content(path) for path in after}
    for path, text in after.items():
        if text is not None and mark not in text:
            module.fail_json(msg=f"The text for {path} lacks the mark '{mark}'.")
        if before[path] is not None and mark not in before[path]:
            module.fail_json(
                msg=f"{DIRECTORY}/{path} is somebody else's: it lacks the text '{mark}'. Rename it. "
                "Nothing was changed."
            )

    # Is there from before the first file is written until fail2ban has loaded both; a reboot loads what is on disk.
    pending = os.path.join(RUNTIME_DIRECTORY, f"fail2ban-jail-{name}.pending")
    fail2ban = Fail2ban(module, required=present and not module.check_mode)
    changed_files = keep(after, DIRECTORY, check_mode=True)
    loaded = fail2ban.knows(name)
    changed = bool(changed_files) or loaded != present or os.path.exists(pending)
    if changed and not module.check_mode:
        complaint = fail2ban.complaint(after) if present else ""
        if complaint:
            module.fail_json(msg=f"fail2ban refuses the jail:\n{complaint}\nNothing was changed.")
        interrupted = os.path.exists(pending)
        try:
            with open(pending, "w", encoding="ascii"):
                pass
            keep(after, DIRECTORY)
            if present:
                fail2ban.load(name)
            else:
                fail2ban.unload(name)
        except (OSError, LoadError) as error:
            keep(before, DIRECTORY)
            with contextlib.suppress(LoadError):
                fail2ban.unload(name) if before[parts["jail"]] is None else fail2ban.load(name)
            if not interrupted:
                os.unlink(pending)
            module.fail_json(msg=f"fail2ban does not load the jail, and the files are as they were: {error}")
        os.unlink(pending)
        loaded = present

    module.exit_json(
        changed=changed,
        changed_files=[f"{DIRECTORY}/{path}" for path in changed_files],
        loaded=loaded,
        diff=[
            {
                "before_header": f"{DIRECTORY}/{path}",
                "after_header": f"{DIRECTORY}/{path}",
                "before": before[path] or "",
                "after": after[path] or "",
            }
            for path in changed_files
        ],
    )


if __name__ == "__main__":
    main()
