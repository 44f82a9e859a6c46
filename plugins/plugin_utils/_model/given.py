# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is given, and the steps from variables to a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import complete, role_options


@dataclass(frozen=True)
class Given:
    """The input of a model: finished values, each of its type.

    `settings` are the role's variables without their prefix, `others` those of the roles that it uses, by role, and
    `host` is what is known of the host, such as the homes of its accounts.
    """

    settings: dict[str, Any]
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)


class InputError(Exception):
    """Input that is refused; each argument is one problem."""


def settings_of(role: str, variables: Mapping[str, Any], *, used: bool = False) -> dict[str, Any]:
    """A role's settings with their defaults, without their prefix. Raises InputError.

    What the role requires is up to the model that uses it, where another role than its own does.
    """
    options = role_options(role)
    if used:
        options = {name: option for name, option in options.items() if not option.get("required")}
    values, problems = complete(options, {name: variables[name] for name in options if name in variables})
    if problems:
        raise InputError(*problems)
    return {name.removeprefix(f"{role}_"): value for name, value in values.items()}


def given_to(model: ModuleType, role: str, variables: Mapping[str, Any], host: Mapping[str, Any]) -> Given:
    """What the variables of a host say to a model; it names the roles that it uses in `USES`. Raises InputError."""
    problems, settings = [], {}
    for name in (role, *getattr(model, "USES", ())):
        try:
            settings[name] = settings_of(name, variables, used=name != role)
        except InputError as error:
            problems += error.args
    if problems:
        raise InputError(*problems)
    return Given(settings.pop(role), settings, dict(host))


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
