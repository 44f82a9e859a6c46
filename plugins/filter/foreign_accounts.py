# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter foreign_accounts: whose account is another one on another host, so that files would be a stranger's."""

from __future__ import annotations

DOCUMENTATION = r"""
name: foreign_accounts
short_description: Tell whose account has another number on another host
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Takes names of people, and gives those who have no account on one of some hosts, or accounts of different numbers.
options:
  _input:
    description: Names of people.
    type: list
    elements: str
    required: true
  accounts:
    description: By host, the lines of C(getent passwd).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Require accounts of the same number
  ansible.builtin.assert:
    that: foreign | length == 0
    fail_msg: "{{ foreign | join('; ') }}"
  vars:
    foreign: "{{ people | nbops.jupyter.foreign_accounts({'hub': hub.stdout_lines, 'node1': node.stdout_lines}) }}"
"""

RETURN = r"""
_value:
  description: Each of those people with the numbers, such as C(ada (2001 on hub, none on node1)).
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping


def foreign_accounts(people: Iterable[str], accounts: Mapping[str, Iterable[str]]) -> list[str]:
    numbers = {host: dict(line.split(":")[0:3:2] for line in lines) for host, lines in accounts.items()}
    found = []
    for name in people:
        there = {host: known.get(name) for host, known in numbers.items()}
        if None in there.values() or len(set(there.values())) > 1:
            told = ", ".join(f"{number or 'none'} on {host}" for host, number in there.items())
            found.append(f"{name} ({told})")
    return found


class FilterModule:
    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"foreign_accounts": foreign_accounts}
