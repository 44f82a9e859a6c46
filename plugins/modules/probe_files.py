#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe_files
short_description: Write the program that visits the notebook servers of a host by a timer
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Writes the files of the program and what opens the servers, or removes everything.
options:
  state:
    description: V(absent) removes what O(remains) names.
    type: str
    choices: [present, absent]
    default: present
  directory:
    description: Absolute path of the program's directory. Other files in it are removed.
    type: path
    required: true
  files:
    description: Names of files to their texts.
    type: dict
    default: {}
  secrets_path:
    description: Absolute path of the file with O(secrets), which only root reads.
    type: path
    required: true
  secrets:
    description: What opens the servers, by their keys.
    type: dict
    default: {}
  remains:
    description: Absolute paths of all that is removed.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Write the program
  nbops.jupyter.probe_files:
    directory: /usr/local/lib/nbops-probe
    files: "{{ plan.files }}"
    secrets_path: /etc/nbops-probe.json
    secrets: "{{ lookup('nbops.jupyter.plan', 'probe', part='secrets').secrets }}"
"""

RETURN = r"""# """

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "directory": {"type": "path", "required": True},
    "files": {"type": "dict", "default": {}},
    "secrets_path": {"type": "path", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "remains": {"type": "list", "elements": "path", "default": []},
}


def write(params, files):
    """Writes what differs. The program is read by a process without rights as well; the secrets are not."""
    directory = params["directory"]
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        if name not in params["files"]:
            files.remove(os.path.join(directory, name))
    for name, text in params["files"].items():
        files.write(os.path.join(directory, name), text, 0o644)
    files.write(params["secrets_path"], json.dumps(params["secrets"], indent=1, sort_keys=True) + "\n", 0o600)


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    files = ManagedFiles(module.check_mode)
    try:
        if module.params["state"] == "present":
            write(module.params, files)
        else:
            for path in module.params["remains"]:
                files.remove(path)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or module.params['directory']}: {error.strerror or error}.")
    module.exit_json(changed=files.changed)


if __name__ == "__main__":
    main()
