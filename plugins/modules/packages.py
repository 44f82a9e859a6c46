#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install packages of Debian that are missing
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Installs by M(ansible.builtin.apt), without recommended packages, what dpkg does not list as installed.
  - M(ansible.builtin.apt) alone would load its index on every run.
  - In check mode it would fail on a host that never fetched the index.
  - Where it fails, the index is fetched again, however young it is, for one more attempt. The index of a cleaned image
    is young and empty, and that of an hour ago names versions that may be gone.
options:
  names:
    description: Names of the packages.
    type: list
    elements: str
    default: []
  note:
    description:
      - A file of the host that lists, one a line, what was missing at some time, and so belongs to who installed it.
        What was there before never comes into it, and is to stay.
      - It is written before anything is installed, so that a run that is cut off is known to the next one.
      - Without O(names) it is only read.
    type: path
  start:
    description: Whether the services of packages that are installed start at once, with the settings of Debian.
    type: bool
    default: true
attributes:
  check_mode:
    description: Predicts what would be installed.
    support: full
    details:
      - Where something is missing, the package index is fetched for that.
  diff_mode:
    description: Shows what M(ansible.builtin.apt) shows.
    support: full
"""

EXAMPLES = r"""
- name: Install the compressor
  nbops.jupyter.packages:
    names: [brotli]

- name: Install Slurm, and note what of it is ours
  nbops.jupyter.packages:
    names: [slurmd, slurm-client]
    note: /etc/nbops-slurm/installed
  register: slurm

- name: Remove what is ours
  ansible.builtin.apt:
    name: "{{ slurm.noted }}"
    state: absent
"""

RETURN = r"""
missing:
  description: The packages that were or would be installed.
  returned: success
  type: list
  elements: str
noted:
  description: What O(note) lists, with what was or would be added; empty where there is no such file.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.packages import ARGUMENT_SPEC


# Tells what is missing, and notes it. The action of the same name installs it.
def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    names, note = module.params["names"], module.params["note"]
    missing = sorted(set(names) - installed(module, names))
    try:
        before = (text_or_none(note) or "").split() if note else []
        noted = [*before, *(name for name in missing if note and name not in before)]
        if noted != before:
            ManagedFiles(module.check_mode).write(note, "".join(f"{name}\n" for name in noted), 0o644)
    except OSError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(missing), missing=missing, noted=noted)


def installed(module: AnsibleModule, names: list[str]) -> set[str]:
    """Those among some packages that dpkg has installed."""
    if not names:
        return set()
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]
    status, out, err = module.run_command(query)
    # It ends with 1 where it never heard of one of them.
    if status not in (0, 1):
        module.fail_json(msg=f"dpkg does not tell what is installed: {err.strip()}")
    return {name for name, _blank, state in (line.partition(" ") for line in out.splitlines()) if state == "installed"}


if __name__ == "__main__":
    main()
