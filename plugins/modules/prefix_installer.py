#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: prefix_installer
short_description: Run installers such as Miniforge's once, if their hash is right
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Downloads an installer of the kind that C(bash INSTALLER -b -p PREFIX) runs, and runs it only if it has the given
    SHA-256. It runs in a sandbox of systemd, as an account that exists only for so long, and without a network.
    The prefix belongs to root, and nobody else can write there.
  - Never changes a prefix that exists, whoever made it and whatever was changed in it since.
  - A failed run leaves nothing behind. The next run removes what an interrupted one has left.
  - The installer's batch mode accepts its licence.
options:
  prefixes:
    description: The prefixes.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path of the prefix.
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
        description: V(absent) removes a prefix that this module made with all its content, and refuses any other.
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
  diff_mode:
    support: none
    details: A prefix is too large to show.
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
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner, surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.prefix import Prefix

SILENCE_SECONDS = 60
CHUNK_BYTES = 1 << 20

ARGUMENT_SPEC = {
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
}


def download(url: str, ca_bundle: str) -> Iterator[bytes]:
    """The content of a URL in chunks. Raises OSError, which names the URL, if the download is not complete."""
    try:
        with open_url(url, timeout=SILENCE_SECONDS, ca_path=ca_bundle or None) as answer:
            yield from iter(lambda: answer.read(CHUNK_BYTES), b"")
    except (OSError, HTTPException) as error:
        raise OSError(f"{url} could not be fetched: {error}") from None


@dataclass(frozen=True)
class Plan:
    """The prefixes to install, each with its entry, those to remove, and those with leftovers of an interrupted run."""

    install: list[tuple[Prefix, dict]]
    remove: list[Prefix]
    clean: list[Prefix]


def make_plan(entries: list[dict]) -> Plan:
    """Compares the prefixes with the host. Raises ValueError for one that is to go and belongs to somebody else."""
    prefixes = [(Prefix(entry["path"]), entry) for entry in entries]
    remove = [prefix for prefix, entry in prefixes if entry["state"] == "absent" and prefix.is_there()]
    foreign = [prefix.path for prefix in remove if not prefix.is_ours()]
    if foreign:
        raise ValueError(f"{', '.join(foreign)} was made by somebody else: remove it by hand, if it is to go")
    return Plan(
        install=[
            (prefix, entry) for prefix, entry in prefixes if entry["state"] == "present" and not prefix.is_there()
        ],
        remove=remove,
        clean=[prefix for prefix, _entry in prefixes if prefix.leftovers()],
    )


def apply(plan: Plan, ca_bundle: str) -> None:
    """Removes leftovers and prefixes, then installs."""
    for prefix in plan.clean:
        prefix.clean()
    for prefix in plan.remove:
        prefix.remove()
    for prefix, entry in plan.install:
        require_own(os.path.dirname(prefix.path))
        prefix.install(download(entry["url"], ca_bundle), entry["sha256"])


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    runner.run_by_module(module)
    try:
        plan = make_plan(module.params["prefixes"])
        if not module.check_mode:
            apply(plan, module.params["ca_bundle"])
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=bool(plan.install or plan.remove or plan.clean),
        installed=[prefix.path for prefix, _entry in plan.install],
        removed=[prefix.path for prefix in plan.remove],
    )


if __name__ == "__main__":
    main()
