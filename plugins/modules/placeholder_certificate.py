#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: placeholder_certificate
short_description: Make self-signed certificates where there are none yet
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Makes a self-signed certificate and its key in every directory that holds no certificate, so that a server can start
    before a certificate authority has answered. Of what is there, only a placeholder for other names is replaced.
  - Removes such a placeholder again when it is used no more; a certificate that is not one is left alone.
  - The key is ECDSA P-256, readable by root alone. The certificate is valid for ten years.
options:
  directory:
    description: Where each certificate has a directory with the files C(fullchain.pem) and C(privkey.pem).
    type: path
    default: /etc/ssl/jupyter
  certificates:
    description: Names of certificates to the list of host names and addresses that each is valid for.
    type: dict
    default: {}
  unused:
    description: Names of certificates that are needed no more.
    type: list
    elements: str
    default: []
  users:
    description: Directory of configuration files; a placeholder in O(unused) whose path stands in one of them is kept.
    type: path
attributes:
  check_mode:
    support: full
    details: Predicts what would be made and removed.
  diff_mode:
    support: none
    details: Keys and certificates are not shown.
requirements:
  - the command C(openssl) on the target, where something is to be made
"""

EXAMPLES = r"""
- name: Let the site start without waiting for its certificate
  nbops.jupyter.placeholder_certificate:
    certificates:
      lab.example.org: [lab.example.org, 192.0.2.10]
"""

RETURN = r"""
created:
  description: Names of the certificates that were or would be made.
  returned: success
  type: list
  elements: str
  sample: [lab.example.org]
removed:
  description: Names of the placeholders that were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import placeholder
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import CertificateError
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run_by_module


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "default": "/etc/ssl/jupyter"},
            "certificates": {"type": "dict", "default": {}},
            "unused": {"type": "list", "elements": "str", "default": []},
            "users": {"type": "path"},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    run_by_module(module)
    directory = module.params["directory"].rstrip("/")
    needed = module.params["certificates"]
    for word in [*needed, *module.params["unused"], *(host for hosts in needed.values() for host in hosts)]:
        if not re.fullmatch(r"[0-9A-Za-z*:][0-9A-Za-z._*:-]*", word):
            module.fail_json(msg=f"{word!r} is neither a host name nor an address, nor a certificate's name.")

    homes = {name: os.path.join(directory, name) for name in (*needed, *module.params["unused"])}
    removed = []
    for name in module.params["unused"]:
        used = name in needed or (module.params["users"] and placeholder.is_used(homes[name], module.params["users"]))
        if not used and placeholder.is_placeholder(homes[name]):
            removed.append(name)
    try:
        created = [name for name, hosts in needed.items() if placeholder.is_missing(homes[name], hosts)]
        if not module.check_mode:
            for name in created:
                placeholder.make(homes[name], needed[name])
    except (CertificateError, OSError) as error:
        module.fail_json(msg=f"No placeholder could be made: {error}")
    if not module.check_mode:
        for name in removed:
            placeholder.remove(homes[name])
    module.exit_json(changed=bool(created or removed), created=created, removed=removed)


if __name__ == "__main__":
    main()
