# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the variables of a host, as Ansible holds them, to what a model makes of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import (
    InputError,
    given_to,
    plan_of,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import role_options

MODELS = "ansible_collections.nbops.jupyter.plugins.plugin_utils._model"
ROLES = (
    "certbot",
    "firewall",
    "jupyterhub",
    "jupyterlab",
    "kernels",
    "nginx",
    "python_venv",
    "ssh_access",
    "systemd",
)


class Evaluation:
    """A role's model with the variables of one host."""

    def __init__(
        self, role: str, variables: Mapping[str, Any], template: Callable[[Any], Any], host: Mapping[str, Any]
    ) -> None:
        """`template` resolves the value of a variable; `host` is what is known of the host.

        Raises InputError for variables that are undefined or not of their type, ValueError for an unknown role.
        """
        if role not in ROLES:
            raise ValueError(f"there is no role {role}; write {', '.join(ROLES)}")
        self._model = importlib.import_module(f"{MODELS}.{role}")
        facts = variables.get("ansible_facts") or {}
        known = {"distribution_release": str(facts.get("distribution_release", "")), **plain(host)}
        names = [name for used in (role, *getattr(self._model, "USES", ())) for name in role_options(used)]
        values = _resolve({name: variables[name] for name in names if name in variables}, template)
        with _typed(role):
            self._given = given_to(self._model, role, values, known)

    def plan(self) -> dict[str, Any]:
        """What the role does, finished and without secrets. Raises InputError."""
        with _typed(self._model.__name__.rpartition(".")[2]):
            return plan_of(self._model, self._given)

    def secrets(self) -> dict[str, Any]:
        """What the role does not show."""
        return self._model.secrets(self._given)


def plain(value: Any) -> Any:
    """A value in Python's own types, without what Ansible knows about where it came from."""
    if isinstance(value, Mapping):
        return {plain(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _resolve(values: dict[str, Any], template: Callable[[Any], Any]) -> dict[str, Any]:
    resolved, problems = {}, []
    for name, value in values.items():
        try:
            resolved[name] = plain(template(value))
        except AnsibleError as error:
            problems.append(f"{name}: {error.message}")
    if problems:
        raise InputError(*problems)
    return resolved


class _typed:
    """Tells of a value deep inside a free-form option that is of another type than everybody writes there."""

    def __init__(self, role: str) -> None:
        self._role = role

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, (AttributeError, KeyError, TypeError, ValueError)):
            # The value stays unsaid, and the cause out of the traceback: it may be a secret.
            raise InputError(f"{self._role}: a value is not of the documented type ({kind.__name__}).") from None
