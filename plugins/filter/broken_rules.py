# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: broken_rules
short_description: The rules of a role that its variables break
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Checks what a role was given on the controller, all of it at once, before any host is touched.
  - Each sentence names the entry, the rule and what to write instead. Secrets are never repeated.
  - The roles of this collection call it in their C(tasks/validate.yml); types were checked before.
positional: role, more
options:
  _input:
    description: The role's entries, each with all its keys, or its settings.
    type: raw
    required: true
  role:
    description: Whose rules.
    type: str
    choices: [certbot]
    required: true
  more:
    description: What the rules need beside the entries, see C(problems) in the rules of that role.
    type: raw
"""

EXAMPLES = r"""
- name: Refuse wrong certificates
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ my_certificates | nbops.jupyter.broken_rules('certbot', my_settings) }}"
"""

RETURN = r"""
_value:
  description: One sentence for each broken rule.
  type: list
  elements: str
"""

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import certbot as certbot_rules

RULES = {
    "certbot": certbot_rules.problems,
}


def broken_rules(entries: object, role: str, *more: object) -> list[str]:
    if role not in RULES:
        raise AnsibleFilterError(f"nbops.jupyter.broken_rules knows the roles {', '.join(RULES)}; got '{role}'")
    try:
        return RULES[role](entries, *more)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # The value stays unsaid, and the cause away from the traceback: it may be a secret.
        message = (
            f"nbops.jupyter.broken_rules: a value for {role} is not of the documented type ({type(error).__name__})"
        )
        raise AnsibleFilterError(message) from None


class FilterModule:
    def filters(self) -> dict[str, Callable]:
        return {"broken_rules": broken_rules}
