#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Turn the variables of a role into what it does
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._attributes.info_module
description:
  - Checks the variables of a role of this collection, all at once, and refuses them with one sentence for each problem.
  - Returns the plan of the role, such as files, units and sites, as finished data for the role's tasks.
  - Runs on the controller alone.
  - The plan of a role holds no secrets; the lookup P(nbops.jupyter.plan#lookup) has those.
options:
  role:
    description: The role whose variables are read.
    type: str
    choices:
      - backup
      - certbot
      - firewall
      - jupyterhub
      - jupyterlab
      - kernels
      - nginx
      - probe
      - python_venv
      - slurm
      - ssh_access
      - systemd
  playbook:
    description:
      - The playbook whose variables (C(jupyter_*) and those of its roles) are checked.
      - The plan is returned to a task that registers it, and hidden from the output, because these may hold secrets.
    type: str
    choices: [firewall, jupyterhub, jupyterlab, remove, rollback, status, upgrade, verify]
  host:
    description: What is known of the host and shapes the plan, such as the home directories of its accounts.
    type: dict
    default: {}
  across_hosts:
    description:
      - Compares the hosts of the groups C(jupyterlab) and C(jupyterhub) with each other instead, also those that a run
        is not limited to, and refuses a domain that two of them have.
      - Reads the variables of every host, so one host asks for all.
    type: bool
"""

EXAMPLES = r"""
- name: Validate the input
  nbops.jupyter.plan:
    role: jupyterlab
  register: plan
"""

RETURN = r"""
msg:
  description: What is wrong with the variables, one sentence a line.
  returned: failure
  type: str
"""
