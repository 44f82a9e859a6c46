#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Do what a person does at the notebook servers of a host
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
description:
  - Resolves the name, checks the chain, logs in, starts a server, opens its websocket, runs a cell, uploads and
    downloads a file, and stops the server.
  - The visit runs on the host, in a transient unit without any rights. What it needs, such as an account, is made for
    it, and gone at the end, also where the run is cut off.
  - In check mode nothing is made, so the visit ends at the login page.
options:
  targets:
    description: The labs and hubs that are visited.
    type: list
    elements: dict
    required: true
  secrets:
    description: What opens a target, by its key.
    type: dict
    default: {}
  files:
    description: The program, by the names of its files.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Visit the servers of the host
  nbops.jupyter.probe:
    targets: "{{ plan.targets }}"
    files: "{{ plan.files }}"
    secrets: "{{ lookup('nbops.jupyter.plan', 'playbook_verify', part='secrets') }}"
  register: visits
"""

RETURN = r"""
rows:
  description:
    - The steps of each visit, until one fails. C(state) is V(ok), V(warn), V(skip) or V(red), C(text) a sentence, which
      says the likely cause where something is wrong, C(seconds) how long the step took, and C(key) what was visited.
  returned: success
  type: list
  elements: dict
  sample:
    - check: login
      state: ok
      text: "jupyterhub: As nbops-probe, by the login page."
      seconds: 0.4
      key: hub jupyterhub
red:
  description: The steps that failed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import json
import os
import shutil
import sys

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

DIRECTORY = "nbops-verify"
UNIT = "nbops-verify.service"
# Seconds for all visits.
LIMIT = 3600
# Seconds to clean up after a visit that was cut off.
CLEAN_LIMIT = 150
ARGUMENT_SPEC = {
    "targets": {"type": "list", "elements": "dict", "required": True},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "files": {"type": "dict", "required": True},
}


def write(directory, targets, files):
    """Writes the program, which the process of the visit reads as well; nothing of it is secret."""
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory, 0o755)
    for name, text in {**files, "targets.json": json.dumps(targets)}.items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)


def command(directory, check_mode):
    """Runs the program in a unit of its own, which cleans up however it ends, and whatever becomes of this module."""
    program = [sys.executable, "-sEB", os.path.join(directory, "probe.py")]
    properties = {
        **({} if check_mode else {"ExecStopPost": " ".join([*program, "clean"])}),
        "RuntimeDirectory": DIRECTORY,
        "RuntimeMaxSec": str(LIMIT),
        "TimeoutStopSec": str(CLEAN_LIMIT),
    }
    options = [f"--property={name}={value}" for name, value in properties.items()]
    return ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={UNIT}", *options, *program, "run"]


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    targets = module.params["targets"]
    if module.check_mode:
        targets = [{**target, "login": "none", "why": ""} for target in targets]
    directory = os.path.join("/run", DIRECTORY)
    try:
        write(directory, targets, module.params["files"])
        status, out, err = module.run_command(
            command(directory, module.check_mode), data=json.dumps(module.params["secrets"])
        )
    except OSError as error:
        module.fail_json(msg=f"The visit could not be made ready: {error}.")
    finally:
        # As the unit does when it ends.
        shutil.rmtree(directory, ignore_errors=True)
    try:
        rows = json.loads(out)["rows"]
    except (KeyError, ValueError):
        module.fail_json(
            msg=f"The visit ended with {status}: {err.strip() or out.strip()}; see journalctl --unit={UNIT}."
        )
    module.exit_json(rows=rows, red=list(dict.fromkeys(row["check"] for row in rows if row["state"] == "red")))


if __name__ == "__main__":
    main()
