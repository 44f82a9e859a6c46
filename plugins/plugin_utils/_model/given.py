# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is given, and the steps from variables to a plan.

A model is a module of this folder with the functions `problems(given)` and `plan(given)`, and where they are needed
`review(plan)`, `warnings(given)` and `secrets(given)`. Names at its top say what it reads beside the variables of its
own role or playbook, each where it reads something:

- `USES`: the roles whose variables it reads, too.
- `NEEDS`: by a fact of the host, the keys of the plan that are left out until the fact is known.
- `GROUPS` and `FACTS`: the groups of the inventory whose hosts it reads, and which facts of these.
- `VARIABLES_OF_HOSTS`: by group, the variables of its hosts that it reads.
- `SET_BY_PLAYBOOK`: the variables that it does not read, because the playbook sets them from this plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import (
    PLAYBOOK,
    complete,
    options_of,
    prefix_of,
)


@dataclass(frozen=True)
class Given:
    """The input of a model: finished values, each of its type.

    `settings` are the role's variables without their prefix, `others` those of the roles that it uses, by role, and
    `host` is what is known of the host, such as the homes of its accounts.
    """

    settings: dict[str, Any]
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)

    def hosts_of(self, group: str) -> dict[str, dict[str, Any]]:
        """The facts of the hosts of a group, by their names in the inventory."""
        return self.host.get("groups", {}).get(group, {})

    def of(self, role: str) -> Given:
        """What a role is given that this model uses: its settings, and those of the others."""
        return Given(self.others[role], self.others, self.host)


class InputError(Exception):
    """Input that is refused; each argument is one problem."""


def settings_of(subject: str, variables: Mapping[str, Any], *, used: bool = False) -> dict[str, Any]:
    """The settings of a role or of the playbooks with their defaults, without their prefix. Raises InputError.

    What a role requires is up to the model that uses it, where another model than its own does.
    """
    options, prefix = options_of(subject), prefix_of(subject)
    if used:
        options = {name: option for name, option in options.items() if not option.get("required")}
    # A wrong name among those of the playbooks is found; roles share their prefix with whatever users name so.
    given = variables if subject.startswith(PLAYBOOK) else options
    names = [name for name in given if name.startswith(prefix) and name in variables]
    values, problems = complete(options, {name: variables[name] for name in names})
    if problems:
        raise InputError(*problems)
    return {name.removeprefix(prefix): value for name, value in values.items()}


def given_to(
    model: ModuleType, subject: str, variables: Mapping[str, Any], host: Mapping[str, Any], *, used: bool = False
) -> Given:
    """What the variables of a host say to a model; it names the roles that it uses in `USES`. Raises InputError.

    With `used` the subject itself is used by another role, which says what it requires.
    """
    problems, settings = [], {}
    for name in (subject, *getattr(model, "USES", ())):
        try:
            settings[name] = settings_of(name, variables, used=used or name != subject)
        except InputError as error:
            problems += error.args
    if problems:
        raise InputError(*problems)
    return Given(settings.pop(subject), settings, dict(host))


def plan_of(model: ModuleType, given: Given) -> dict[str, Any]:
    """The plan of a model. Raises InputError with every problem, of the input or of the plan that it leads to."""
    problems = model.problems(given)
    if problems:
        raise InputError(*problems)
    plan = model.plan(given)
    problems = model.review(plan) if hasattr(model, "review") else []
    if problems:
        raise InputError(*problems)
    return plan
