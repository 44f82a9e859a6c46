#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: status_report
short_description: Print the status of a host
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
description:
  - Prints what M(nbops.jupyter.status_info) found, as a table or as one line of JSON. It runs on the controller alone.
options:
  rows:
    description: The rows, each with C(check), C(state) and C(text).
    type: list
    elements: dict
    required: true
  format:
    description:
      - V(table) has one line for each row.
      - V(json) is one line, an object with the name of the C(host) and its C(rows).
    type: str
    choices: [table, json]
    default: table
"""

EXAMPLES = r"""
- name: Print the status
  nbops.jupyter.status_report:
    rows: "{{ status.rows }}"
"""

RETURN = r"""# """
