# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.evaluation import ROLES, Evaluation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError


class ActionModule(ActionBase):
    """Turns the variables of a role into its plan, on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(
            {"role": {"type": "str", "required": True, "choices": list(ROLES)}, "host": {"type": "dict", "default": {}}}
        )[1]
        try:
            plan = Evaluation(arguments["role"], task_vars, self._templar.template, arguments["host"]).plan()
        except InputError as error:
            return {**result, "failed": True, "msg": "\n".join(error.args)}
        # A plan is long: the tasks that use it show what differs.
        return {**result, **plan, "changed": False, "_ansible_verbose_override": True}
