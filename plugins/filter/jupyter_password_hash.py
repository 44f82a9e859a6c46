# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: jupyter_password_hash
short_description: Hash a password for a Jupyter server
version_added: 0.1.0
author: nbops contributors (@nbops)
description:
  - Makes the value of Jupyter's C(IdentityProvider.hashed_password), as C(jupyter server password) does.
  - Each new hash has a random salt. Give the stored hash in O(current) to keep it as long as it serves.
requirements:
  - libpass (or passlib) and argon2-cffi on the controller, for O(algorithm=argon2)
positional: algorithm, current
options:
  _input:
    description: The password, 1 to 4096 characters without NUL. Quote it in YAML if it looks like a number.
    type: str
    required: true
  algorithm:
    description:
      - The kind of hash. V(argon2) is Argon2id with Jupyter's own costs (10 MiB, 10 passes, 8 lanes).
      - The others are one salted round of a fast digest, and a stolen one is soon guessed.
        They are for servers that know nothing better.
    type: str
    choices: [argon2, sha1, sha224, sha256, sha384, sha512, sha3_224, sha3_256, sha3_384, sha3_512, blake2b, blake2s]
    default: argon2
  current:
    description:
      - The stored hash. It is returned unchanged while it matches the password and is of the O(algorithm),
        for V(argon2) with at least the same memory and passes. Anything else, even an empty string, is replaced.
    type: str
notes:
  - Jupyter's login form strips white space from both ends and turns most control characters into spaces,
    so that a password with them (such as the line end of a YAML block) never gets in, although its hash is right.
  - A variable defined by this filter without O(current) is another hash each time it is used.
  - Set C(no_log) on tasks that use this filter.
seealso:
  - plugin: nbops.jupyter.jupyter_password_match
    plugin_type: test
"""

EXAMPLES = r"""
- name: Hash a password from the vault, keeping the hash that is stored already
  ansible.builtin.set_fact:
    lab_hash: "{{ vault_lab | nbops.jupyter.jupyter_password_hash(current=stored | default('')) }}"
    # => argon2:$argon2id$v=19$m=10240,t=10,p=8$...
  no_log: true

- name: Hash a password for an old server
  ansible.builtin.set_fact:
    old_lab_hash: "{{ vault_lab | nbops.jupyter.jupyter_password_hash(algorithm='sha512') }}"
    # => sha512:0e112c3ddfce:...
  no_log: true
"""

RETURN = r"""
_value:
  description: The hash, or O(current).
  type: str
"""

from collections.abc import Callable

from ansible.errors import AnsibleTemplatePluginError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._jupyter_password import hash_password


def jupyter_password_hash(password: str, algorithm: str = "argon2", current: str | None = None) -> str:
    try:
        return hash_password(password, algorithm, current)
    except (RuntimeError, TypeError, ValueError) as exc:
        raise AnsibleTemplatePluginError(str(exc)) from exc


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"jupyter_password_hash": jupyter_password_hash}
