# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter failure_reason: what went wrong in a task, also in one with a loop, whose own message says nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
name: failure_reason
short_description: Say why a task failed
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Takes the result of a failed task, as a C(rescue) finds it in C(ansible_failed_result), and gives its message.
  - Of a task with a loop, Ansible says only that items failed; the filter gives the messages of those, one a line.
options:
  _input:
    description: The result of the task.
    type: dict
    required: true
  task:
    description: The task, C(ansible_failed_task), whose name is given where no result has a message.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Report the failure
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result | nbops.jupyter.failure_reason(ansible_failed_task) }}"
"""

RETURN = r"""
_value:
  description: The messages, or that the task failed.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any


def failure_reason(result: Mapping[str, Any], task: Any) -> str:
    results = [item for item in result.get("results", []) if item.get("failed")] or [result]
    reasons = dict.fromkeys(str(item["msg"]) for item in results if item.get("msg"))
    return "\n".join(reasons) or f"{task['name']} failed."


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"failure_reason": failure_reason}
