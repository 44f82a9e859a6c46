# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan
short_description: The plan of a role, or its secrets
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - The same as the module M(nbops.jupyter.plan), for one value in the middle of a task.
options:
  _terms:
    description: The role whose variables are read, such as V(nginx), or a playbook, such as V(playbook_jupyterlab).
    type: list
    elements: str
    required: true
  part:
    description: V(plan) is what the module returns, V(secrets) what tasks hand to modules without showing it.
    type: str
    choices: [plan, secrets]
    default: plan
  host:
    description: What is known of the host, as in the module.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write the configuration of the servers
  nbops.jupyter.jupyter_config:
    files: "{{ plan.files }}"
    secrets: "{{ lookup('nbops.jupyter.plan', 'jupyterlab', part='secrets') }}"
"""

RETURN = r"""
_raw:
  description: The plan, or the secrets.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.evaluation import Evaluation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            evaluations = [
                Evaluation(role, variables, self._templar.template, self.get_option("host")) for role in terms
            ]
            secrets = self.get_option("part") == "secrets"
            return [one.secrets() if secrets else one.plan() for one in evaluations]
        except InputError as error:
            raise AnsibleError("\n".join(error.args)) from None
