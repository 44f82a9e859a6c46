# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: jupyter_password_match
short_description: Tell whether a password matches the stored hash of a Jupyter server
version_added: 0.1.0
author: nbops contributors (@nbops)
description:
  - Checks a password against Jupyter's C(IdentityProvider.hashed_password), in constant time.
  - A string that is no such hash matches nothing.
requirements:
  - libpass (or passlib) and argon2-cffi on the controller, for hashes of the argon2 kind
positional: password
options:
  _input:
    description:
      - The stored hash, Argon2 of any type and costs, or a salted digest
        of a kind that P(nbops.jupyter.jupyter_password_hash#filter) makes.
    type: str
    required: true
  password:
    description: The password, 1 to 4096 characters without NUL.
    type: str
    required: true
notes:
  - Set C(no_log) on tasks that use this test.
seealso:
  - plugin: nbops.jupyter.jupyter_password_hash
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a stored hash that is not of the password in the vault
  ansible.builtin.assert:
    that: stored is nbops.jupyter.jupyter_password_match(vault_lab)
  no_log: true
"""

RETURN = r"""
_value:
  description: Whether the password matches.
  type: bool
"""

from collections.abc import Callable

from ansible.errors import AnsibleTemplatePluginError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._jupyter_password import password_matches


def jupyter_password_match(stored: str, password: str) -> bool:
    try:
        return password_matches(stored, password)
    except (RuntimeError, TypeError, ValueError) as exc:
        raise AnsibleTemplatePluginError(str(exc)) from exc


class TestModule:
    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"jupyter_password_match": jupyter_password_match}
