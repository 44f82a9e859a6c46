#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prefix_installer
short_description: Run installers such as Miniforge's once, after a look at their hash
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Fetches an installer of the kind that C(bash INSTALLER -b -p PREFIX) runs, and runs it only when its SHA-256 is the
    one that was given. What it makes belongs to root, and nobody else can write there.
  - A prefix that is there stays as it is, whoever made it and whatever was changed in it since.
  - Nothing is left of a failure, and the next run removes what an interruption left.
  - The installer's batch mode takes its licence as accepted.
options:
  prefixes:
    description: The prefixes.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where it is, or is to be.
        type: path
        required: true
      url:
        description: Address of the installer. C(file://) names one on the target.
        type: str
        default: ""
      sha256:
        description: Its SHA-256 in hexadecimal digits.
        type: str
        default: ""
      state:
        description: V(absent) removes a prefix that this module made, with all that is in it, and refuses any other.
        type: str
        choices: [present, absent]
        default: present
  ca_bundle:
    description: File on the target with the certificate authorities for the addresses; empty for those of the system.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Predicts which prefixes would be made or removed.
  diff_mode:
    support: none
    description: A prefix is too large to show.
"""

EXAMPLES = r"""
- name: Install Miniforge
  nbops.jupyter.prefix_installer:
    prefixes:
      - path: /opt/miniforge
        url: https://downloads.example.org/Miniforge3-Linux-x86_64.sh
        sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"""

RETURN = r"""
installed:
  description: Paths of the prefixes that were or would be made.
  returned: success
  type: list
  elements: str
  sample: [/opt/miniforge]
removed:
  description: Paths of the prefixes that were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
from http.client import HTTPException

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.prefix import Prefix

SECONDS_WITHOUT_A_BYTE = 60
CHUNK_BYTES = 1 << 20


def content_of(url: str, ca_bundle: str):
    """What stands at an address, piece by piece.

    Raises OSError, which names the address, where it does not all come.
    """
    try:
        with open_url(url, timeout=SECONDS_WITHOUT_A_BYTE, ca_path=ca_bundle or None) as answer:
            yield from iter(lambda: answer.read(CHUNK_BYTES), b"")
    except (OSError, HTTPException) as error:
        raise OSError(f"{url} could not be fetched: {error}") from None


def keep(entries: list[dict], ca_bundle: str, check_mode: bool) -> dict:
    """Makes and removes what differs, or in check mode only tells, and returns the module's result."""
    installed, removed, changed = [], [], False
    for entry in entries:
        prefix = Prefix(entry["path"])
        changed |= bool(prefix.leftovers())
        if entry["state"] == "present" and not prefix.is_there():
            installed.append(prefix.path)
            if not check_mode:
                require_own(os.path.dirname(prefix.path))
                prefix.install(content_of(entry["url"], ca_bundle), entry["sha256"])
        elif entry["state"] == "absent" and prefix.is_there():
            if not prefix.is_ours():
                raise ValueError(f"{prefix.path} was made by somebody else: remove it by hand, if it is to go")
            removed.append(prefix.path)
            if not check_mode:
                prefix.remove()
        if not check_mode:
            prefix.clean()
    return {"changed": changed or bool(installed or removed), "installed": installed, "removed": removed}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "prefixes": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "url": {"type": "str", "default": ""},
                    "sha256": {"type": "str", "default": ""},
                    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                },
            },
            "ca_bundle": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    runner.run_by_module(module)
    try:
        result = keep(module.params["prefixes"], module.params["ca_bundle"], module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
