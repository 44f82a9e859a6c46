# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables against their specification: types, unknown and missing keys, defaults.

A role's variables are specified in its `meta/argument_specs.yml`, those of the playbooks in
`playbooks/meta/argument_specs.yml`. Defaults are said there alone.
"""

from __future__ import annotations

import difflib
import functools
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS
from ansible.module_utils.common.yaml import yaml_load

COLLECTION = pathlib.Path(__file__).resolve().parents[3]
PLAYBOOK = "playbook_"
ROLES = (
    "backup",
    "certbot",
    "firewall",
    "jupyterhub",
    "jupyterlab",
    "kernels",
    "metrics",
    "nfs_home",
    "nginx",
    "probe",
    "python_venv",
    "slurm",
    "ssh_access",
    "systemd",
)
# How like a name of ours another is, from 0 to 1, that was most likely meant to be it: a letter or two differ.
_LIKELY = 0.9
SHAPES = {"dict": dict, "list": list}
WORDS = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "str": "a text",
}


@functools.cache
def options_of(subject: str) -> dict[str, Any]:
    """The options of a role, or of `playbook_NAME` those that all playbooks share, by the variables' names."""
    folder = "playbooks" if subject.startswith(PLAYBOOK) else f"roles/{subject}"
    text = (COLLECTION / folder / "meta/argument_specs.yml").read_text(encoding="utf-8")
    return yaml_load(text)["argument_specs"]["main"]["options"]


def prefix_of(subject: str) -> str:
    """How the variables of a role, or of the playbooks, begin."""
    return "jupyter_" if subject.startswith(PLAYBOOK) else f"{subject}_"


def unknown_variables(roles: Iterable[str], variables: Iterable[str]) -> tuple[list[str], list[str]]:
    """What to say of variables that begin like those of these roles, and are none of the collection's.

    First of those that are likely misspelt, then of the others, which may be somebody's own.
    """
    known = {name: None for role in ROLES for name in options_of(role)}
    prefixes = tuple(prefix_of(role) for role in roles)
    unknown = sorted(name for name in variables if name.startswith(prefixes) and name not in known)
    misspelt = [name for name in unknown if difflib.get_close_matches(name, known, 1, _LIKELY)]
    return (
        [f"'{name}' is not known here{nearest(name, known)}" for name in misspelt],
        [f"'{name}' is no variable of nbops.jupyter." for name in unknown if name not in misspelt],
    )


def complete(options: Mapping[str, Any], given: Mapping[str, Any], label: str = "") -> tuple[dict[str, Any], list[str]]:
    """The values of all options, each of its type, and what is wrong with those that were given.

    An option without a value and without a default is left out. `label` begins each message. Values are never quoted:
    they may be secrets.
    """
    values, problems = {}, list(_unknown(options, given, label))
    for name, option in options.items():
        value = given.get(name)
        if value is None:
            if option.get("required"):
                problems.append(f"{label}{name} is missing.")
            if "default" not in option:
                continue
            value = option["default"]
        try:
            values[name] = _typed(value, option, f"{label}{name}: ")
        except ValueError as error:
            problems += error.args
    return values, problems


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """The known name that a wrong one is most like, as the end of a message."""
    return "".join(f"; did you mean {close}?" for close in difflib.get_close_matches(name, known, 1)) or "."


def _unknown(options: Mapping[str, Any], given: Mapping[str, Any], label: str) -> Iterator[str]:
    for name in given:
        if name not in options:
            yield f"{label}'{name}' is not known here{nearest(str(name), options)}"


def _typed(value: Any, option: Mapping[str, Any], label: str) -> Any:
    """The value as its option's type. Raises ValueError with every problem as an argument."""
    kind = option.get("type", "str")
    if kind == "str" and option.get("no_log") and not isinstance(value, (str, *SHAPES.values())):
        # YAML has read it as a number or the like, and what was written is lost: 0777 is 511.
        raise ValueError(f"{label}must be a text, not {_type_name(value)}; put it into quotes.")
    value = _converted(value, kind, label)
    if "choices" in option and any(item not in option["choices"] for item in _items(value)):
        raise ValueError(f"{label}write {' or '.join(str(choice) for choice in option['choices'])}.")
    if isinstance(value, list):
        return _elements(value, option, label)
    if isinstance(value, dict) and "options" in option:
        value, problems = complete(option["options"], value, label)
        if problems:
            raise ValueError(*problems)
    return value


def _converted(value: Any, kind: str, label: str) -> Any:
    # Paths are the target's: the controller's home and variables are not filled in.
    kind = "str" if kind == "path" else kind
    try:
        # Ansible's checks take a text apart for a list or a mapping, and write these down as a text.
        if isinstance(value, (dict, list)) if kind == "str" else kind in SHAPES and not isinstance(value, SHAPES[kind]):
            raise TypeError
        return DEFAULT_TYPE_VALIDATORS[kind](value)
    except (TypeError, ValueError):
        raise ValueError(f"{label}must be {WORDS.get(kind, kind)}, not {_type_name(value)}.") from None


def _elements(values: list[Any], option: Mapping[str, Any], label: str) -> list[Any]:
    elements, problems = [], []
    for number, value in enumerate(values, 1):
        name = value.get("name") or value.get("path") if isinstance(value, dict) else None
        try:
            element = {"type": option.get("elements", "raw"), "options": option.get("options")}
            known = {key: part for key, part in element.items() if part is not None}
            elements.append(_typed(value, known, f"{label}{name or f'entry {number}'}: "))
        except ValueError as error:
            problems += error.args
    if problems:
        raise ValueError(*problems)
    return elements


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _type_name(value: Any) -> str:
    """The built-in type below Ansible's own, in plain words."""
    built_in = next(base for base in type(value).__mro__ if base.__module__ == "builtins")
    return WORDS.get(built_in.__name__, built_in.__name__)
