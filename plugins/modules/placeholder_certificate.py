#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: placeholder_certificate
short_description: Create self-signed certificates where there are none yet
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Creates a self-signed certificate and its key in every directory that contains no certificate, so that a server can
    start before a certificate authority has issued one. Replaces a placeholder for other names, but no other file.
  - Removes placeholders that are no longer used. Never removes other certificates.
  - The key is ECDSA P-256, and only root can read it. The certificate is valid for ten years.
options:
  directory:
    description: Contains a directory with the files C(fullchain.pem) and C(privkey.pem) for each certificate.
    type: path
    default: /etc/ssl/jupyter
  certificates:
    description: Maps the name of each certificate to the host names and addresses that it is valid for.
    type: dict
    default: {}
  unused:
    description: Names of certificates that are no longer needed.
    type: list
    elements: str
    default: []
  users:
    description: Directory of configuration files. A placeholder in O(unused) is kept if one of them contains its path.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Keys and certificates are never shown.
requirements:
  - the command C(openssl) on the target
"""

EXAMPLES = r"""
- name: Let the site start without waiting for its certificate
  nbops.jupyter.placeholder_certificate:
    certificates:
      lab.example.org: [lab.example.org, 192.0.2.10]
"""

RETURN = r"""
created:
  description: Names of the placeholders that were or would be created.
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
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run_by_module

ARGUMENT_SPEC = {
    "directory": {"type": "path", "default": "/etc/ssl/jupyter"},
    "certificates": {"type": "dict", "default": {}},
    "unused": {"type": "list", "elements": "str", "default": []},
    "users": {"type": "path"},
}


def require_names(names):
    """Raises ValueError unless all are names of hosts, addresses or certificates, which all can be part of a path."""
    for name in names:
        if not re.fullmatch(r"[0-9A-Za-z*:][0-9A-Za-z._*:-]*", name):
            raise ValueError(f"{name!r} is neither a host name nor an address, nor a certificate's name.")


def make_plan(directory, needed, unused, users):
    """The names of the placeholders to create, and to remove. `users` is a directory of configuration files or None."""
    created = [name for name, hosts in needed.items() if placeholder.is_missing(os.path.join(directory, name), hosts)]
    removed = []
    for name in unused:
        home = os.path.join(directory, name)
        is_used = name in needed or (users and placeholder.is_used(home, users))
        if not is_used and placeholder.is_placeholder(home):
            removed.append(name)
    return created, removed


def apply(directory, needed, created, removed):
    for name in created:
        placeholder.make(os.path.join(directory, name), needed[name])
    for name in removed:
        placeholder.remove(os.path.join(directory, name))


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    run_by_module(module)
    directory, needed = module.params["directory"].rstrip("/"), module.params["certificates"]
    unused, users = module.params["unused"], module.params["users"]
    try:
        require_names([*needed, *unused, *(host for hosts in needed.values() for host in hosts)])
        created, removed = make_plan(directory, needed, unused, users)
        if not module.check_mode:
            apply(directory, needed, created, removed)
    except ValueError as error:
        module.fail_json(msg=str(error))
    except (CertificateError, OSError) as error:
        module.fail_json(msg=f"The placeholders could not be created or removed: {error}")
    module.exit_json(changed=bool(created or removed), created=created, removed=removed)


if __name__ == "__main__":
    main()
