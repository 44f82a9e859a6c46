# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.reach import (
    QUESTION,
    Contact,
    has_python,
    is_escalation,
    is_root,
    system_problem,
)


class ActionModule(ActionBase):
    """Asks a host as root what it is, by its shell alone, so that what is wrong is said before anything else runs."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec({"unreachable_fails": {"type": "bool", "default": False}})[1]
        variables = task_vars or {}
        account = str(self._play_context.remote_user or variables.get("ansible_user") or "")
        addresses = {name: variables[name] for name in ("ansible_host", "ansible_port") if name in variables}
        variables = {**variables, **self._templar.template(addresses)}
        contact = Contact.of(variables, account, self._connection.ansible_name or self._connection.transport)
        try:
            asked = self._low_level_execute_command(QUESTION)
        except AnsibleError as error:
            reason = error.message
            if is_escalation(reason):
                return {**result, "failed": True, "msg": contact.not_root(reason)}
            if isinstance(error, AnsibleConnectionFailure):
                verdict = "failed" if arguments["unreachable_fails"] else "unreachable"
                return {**result, verdict: True, "msg": contact.unreachable(reason)}
            raise
        problem = self._problem(contact, asked, variables)
        return {**result, "failed": True, "msg": problem} if problem else {**result, "changed": False}

    def _problem(self, contact: Contact, asked: dict[str, Any], variables: dict[str, Any]) -> str:
        answer = asked["stdout"]
        if "uid=" not in answer:
            reason = asked.get("stderr") or answer
            return contact.not_root(reason) if self._connection.become else contact.unreachable(reason)
        if not is_root(answer):
            return contact.become_is_off()
        if found := system_problem(answer):
            return f"{contact.host}: {found}"
        chosen = str(variables.get("ansible_python_interpreter") or "auto")
        if chosen.startswith("auto") and not has_python(answer):
            return f"{contact.host}: Python is missing there; install it once: apt install python3."
        return ""
