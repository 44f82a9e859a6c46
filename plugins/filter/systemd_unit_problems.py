# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: systemd_unit_problems
short_description: The rules that a list of systemd units breaks
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Checks a list of units for M(nbops.jupyter.systemd_units) on the controller, before any host is touched.
  - Each sentence holds the unit's name, the rule and what to write instead. Values are never repeated.
positional: profiles
options:
  _input:
    description: Units as in the option O(nbops.jupyter.systemd_units#module:units).
    type: list
    elements: dict
    required: true
  profiles:
    description: Sandbox profiles as in the option O(nbops.jupyter.systemd_units#module:profiles).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse broken units
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ my_units | nbops.jupyter.systemd_unit_problems({}) }}"
"""

RETURN = r"""
_value:
  description: One sentence for each broken rule.
  type: list
  elements: str
"""

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd_rules import problems

NAME = "nbops.jupyter.systemd_unit_problems"


def systemd_unit_problems(units: object, profiles: object) -> list[str]:
    if not isinstance(units, list):
        raise AnsibleFilterError(f"The input of {NAME} must be a list of mappings; got {type(units).__name__}")
    for unit in units:
        if not isinstance(unit, dict):
            raise AnsibleFilterError(f"The input of {NAME} must be a list of mappings; one is {type(unit).__name__}")
    if not isinstance(profiles, dict):
        raise AnsibleFilterError(f"{NAME} needs a mapping of profiles; got {type(profiles).__name__}")
    return problems(units, profiles)


class FilterModule:
    def filters(self) -> dict[str, Callable]:
        return {"systemd_unit_problems": systemd_unit_problems}
