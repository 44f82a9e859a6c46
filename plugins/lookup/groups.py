# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: groups
short_description: Those groups of the inventory that a playbook takes
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Names the groups that have hosts, for the C(hosts) of a play.
  - Fails where the inventory has hosts, and none of them is in a group of the collection. Ansible by itself would skip
    the play and end well.
  - Warns of a group beside these that is almost called like one that is missing.
options:
  _terms:
    description: The groups that the play is for.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Deploy JupyterLab
  hosts: "{{ query('nbops.jupyter.groups', 'jupyterlab') }}"
  roles: [nbops.jupyter.jupyterlab]
"""

RETURN = r"""
_raw:
  description: The groups that have hosts; all of them where none has and a playbook beside this one may have its hosts.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.inventory import doubts, taken


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        try:
            groups = (variables or {}).get("groups") or {}
            for doubt in doubts(terms, groups):
                self._display.warning(doubt)
            return taken(terms, groups)
        except InputError as error:
            raise AnsibleError("; ".join(error.args)) from None
