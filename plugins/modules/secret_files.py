#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret_files
short_description: Create files with random secrets, once
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Creates a secret of 32 random bytes on the target for every name that has none. Never replaces a secret, sends it to
    the controller or shows it.
  - Each is a file of 64 hexadecimal digits without a line end. Only the account that runs the module (root) can read
    the files and their directory; wrong owners and modes are repaired.
  - A file with other content is an error, for example an empty file after the disk was full, because a new secret may
    make data unreadable.
options:
  path:
    description: The directory. Missing directories are created.
    type: path
    required: true
  names:
    description: Names of the secrets, which consist of letters, digits, C(_) and C(-).
    type: list
    elements: str
    required: true
  proof:
    description:
      - By name of a secret, the path of what is there only once the secret was used. Where that is there and the secret
        is not, the secret was lost, and the module warns.
    type: dict
    default: {}
  exclusive:
    description: Whether to remove all other files in the directory. Directories in it stay.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Secrets are not shown.
"""

EXAMPLES = r"""
- name: Create the secrets of a hub
  nbops.jupyter.secret_files:
    path: /etc/jupyterhub/secrets
    names: [cookie_secret, proxy_token]
    proof: {cookie_secret: /var/lib/jupyterhub/healthy.json}
    exclusive: true
"""

RETURN = r"""
created:
  description: Names of the secrets that were or would be created.
  returned: success
  type: list
  elements: str
  sample: [cookie_secret]
lost:
  description: Names of those among them that were there once, by O(proof).
  returned: success
  type: list
  elements: str
  sample: []
repaired:
  description: Names of the secrets whose owner or mode was or would be repaired.
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
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "proof": {"type": "dict", "default": {}},
    "exclusive": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    path, names, proof, exclusive = (module.params[name] for name in ("path", "names", "proof", "exclusive"))
    try:
        changes = secret_files.reconcile(path, names, exclusive, module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    lost = [name for name in changes.created if name in proof and os.path.exists(proof[name])]
    for name in lost:
        module.warn(
            f"{path}/{name} was lost, and another one is made, which ends what the former was needed for, such as "
            "logins. To have that back, restore it from a backup, and run again."
        )
    module.exit_json(
        changed=bool(changes),
        created=changes.created,
        lost=lost,
        repaired=changes.repaired,
        removed=changes.removed,
    )


if __name__ == "__main__":
    main()
