#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Make files with random secrets, once
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Makes a secret of 32 random bytes for every name that has none, on the target, where it stays. No secret is ever
    replaced, sent to the controller or shown.
  - Each is a file of 64 hexadecimal digits without a line end, which only the account that runs the module (root) can
    read, in a directory of which the same is true. Owners and modes that are wrong are put right.
  - A file that holds anything else, such as one that is empty after a full disk, is an error, as another secret in its
    place may make data unreadable.
options:
  path:
    description: The directory. Missing directories are made.
    type: path
    required: true
  names:
    description: Names of the secrets, of letters, digits, C(_) and C(-).
    type: list
    elements: str
    required: true
  exclusive:
    description: Whether to remove all other files in the directory; directories in it stay.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: Predicts what would be made and removed.
  diff_mode:
    support: none
    details: Secrets are not shown.
"""

EXAMPLES = r"""
- name: Make the secrets of a hub
  nbops.jupyter.secret_files:
    path: /etc/jupyterhub/secrets
    names: [cookie_secret, proxy_token]
    exclusive: true
"""

RETURN = r"""
made:
  description: Names of the secrets that were or would be made.
  returned: success
  type: list
  elements: str
  sample: [cookie_secret]
repaired:
  description: Names of the secrets whose owner or mode was or would be put right.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Names of the files that were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files import secret_files


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "exclusive": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)  # for the directories above; ours has a mode of its own
    try:
        changes = secret_files.keep(
            module.params["path"], module.params["names"], module.params["exclusive"], module.check_mode
        )
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), made=changes.made, repaired=changes.repaired, removed=changes.removed)


if __name__ == "__main__":
    main()
