"""Asks models the way the module `plan` does, without Ansible, and compares their plans with golden files."""

from __future__ import annotations

import importlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import yaml
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError, given_to, plan_of
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import prefix_of

GOLDEN = pathlib.Path(__file__).parent / "golden"
PACKAGE = "ansible_collections.nbops.jupyter.plugins.plugin_utils._model"
Variables = dict[str, Any]


def plan(role: str, variables: Variables, host: Variables | None = None) -> Variables:
    """The plan of a role. Raises InputError."""
    model = importlib.import_module(f"{PACKAGE}.{role}")
    return plan_of(model, given_to(model, role, variables, host or {}))


def secrets(role: str, variables: Variables, host: Variables | None = None) -> Variables:
    """The secrets of a role's plan."""
    model = importlib.import_module(f"{PACKAGE}.{role}")
    return model.secrets(given_to(model, role, variables, host or {}, used=True))


def problems(role: str, variables: Variables, host: Variables | None = None) -> list[str]:
    """What is wrong with the variables of a role."""
    try:
        plan(role, variables, host)
    except InputError as error:
        return list(error.args)
    return []


def require_golden(name: str, made: Variables, *, texts: bool = False) -> None:
    """Requires that a plan is the one in golden/NAME.yml; with GOLDEN=write in the environment, writes that file.

    Of locks only the first line is kept, of other texts with a line end nothing unless `texts`.
    """
    path = GOLDEN / f"{name}.yml"
    shown = _shown(made, texts)
    text = yaml.dump(shown, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True, explicit_start=True)
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text(), "if the change is meant: GOLDEN=write script/test unit"


class _Dumper(yaml.SafeDumper):
    """Writes as yamllint reads: lists indented, nothing by reference."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Files as a person reads them, line by line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _shown(value: Any, texts: bool) -> Any:
    if isinstance(value, dict):
        # A mapping of profiles holds all sandboxes, which are the same for every role.
        return {
            key: _shown(part, texts) for key, part in value.items() if key != "profiles" or not isinstance(part, dict)
        }
    if isinstance(value, list):
        return [_shown(part, texts) for part in value]
    if isinstance(value, str) and "\n" in value and not texts:
        return f"{value.partition(chr(10))[0]} ..." if "--hash=" in value else "..."
    return value


# What people write by mistake where something else belongs, and what would break a file, a command or a name.
STRANGE = (None, True, -1, 10**12, [None], {"a b": "c"}, "", "a\nb", "é" * 400)


def require_words(role: str, variables: Variables, host: Variables | None = None) -> None:
    """Requires that every strange value, anywhere in the role's own variables, is planned with or refused in words."""
    own = {name: value for name, value in variables.items() if name.startswith(prefix_of(role))}
    for path in _paths(own):
        for value in STRANGE:
            try:
                problems(role, _changed(variables, path, value), host)
            except Exception as error:  # The place is what a person looks for.
                raise AssertionError(f"{value!r} at {path} is not refused in words") from error


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from _paths(part, (*path, key))


def _changed(variables: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The variables with another value at one place; the rest is shared."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    copy = variables.copy()
    copy[key] = _changed(variables[key], rest, value)
    return copy
