# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.evaluation import PLAYBOOKS, Evaluation, domains_of
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.playbook import shared_domains
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import PLAYBOOK, ROLES


class ActionModule(ActionBase):
    """Turns the variables of a role into its plan, on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(
            {
                "role": {"type": "str", "choices": list(ROLES)},
                "playbook": {"type": "str", "choices": list(PLAYBOOKS)},
                "host": {"type": "dict", "default": {}},
                "across_hosts": {"type": "bool"},
            },
            mutually_exclusive=[("role", "playbook", "across_hosts")],
            required_one_of=[("role", "playbook", "across_hosts")],
        )[1]
        if arguments["across_hosts"]:
            problems = shared_domains(domains_of(task_vars))
            return {**result, **({"failed": True, "msg": "\n".join(problems)} if problems else {}), "changed": False}
        subject = arguments["role"] or f"{PLAYBOOK}{arguments['playbook']}"
        try:
            evaluation = Evaluation(subject, task_vars, self._templar.template, arguments["host"])
            plan = evaluation.plan()
        except InputError as error:
            return {**result, "failed": True, "msg": "\n".join(error.args)}
        for warning in evaluation.warnings:
            Display().warning(warning)
        # A plan is long: the tasks that use it show what differs.
        result |= {"changed": False, "_ansible_verbose_override": True}
        if arguments["role"]:
            return {**result, **plan}
        # The variables of playbooks may hold secrets, which end in a site or a certificate. Nothing that is hidden is
        # returned in vain, because Ansible hides the items of a loop as well.
        return {**result, **plan, "_ansible_no_log": True} if self._task.register else result
