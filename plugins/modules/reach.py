#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: reach
short_description: Require that a host answers, as root, and is one that the collection supports
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
description:
  - Asks the host by its shell alone. Where it does not answer, where the account does not become root, or where the
    system is neither Debian nor Ubuntu, or too old, one sentence says so and what to do.
options:
  unreachable_fails:
    description:
      - Whether the task fails for a host that does not answer, in place of telling Ansible that it is unreachable.
      - A play with C(any_errors_fatal) ends at a failure, and goes on to the next host after an unreachable one.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Reach the host as root
  nbops.jupyter.reach:
"""

RETURN = r"""
msg:
  description: What is wrong, and what to do.
  returned: failure
  type: str
"""
