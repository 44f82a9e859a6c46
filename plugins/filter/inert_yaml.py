# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter inert_yaml: variables with values from a host, which must not become templates on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: inert_yaml
short_description: Write data as YAML that Ansible never renders
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Writes a file of variables. A text that Ansible would take for a template when it loads the file gets the tag
    C(!unsafe), so that it stays the text it is.
  - Keys are not rendered by Ansible, and have no tag.
options:
  _input:
    description: The variables, of mappings, lists, texts, numbers, booleans and null.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep what a host says of itself
  ansible.builtin.copy:
    content: "{{ legacy_setup.variables | nbops.jupyter.inert_yaml }}"
    dest: adopted.yml
    mode: "0600"
  no_log: true
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import yaml
from ansible.errors import AnsibleTemplatePluginError

# Every delimiter of Jinja has one, and a text that begins with the second chooses its own delimiters.
_BRACE = "{"
_OVERRIDE = "#jinja2:"


class _Dumper(yaml.SafeDumper):
    """Tags texts that could be templates."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


class _Inert(str):
    """A text that could be a template."""


def _represent(tag: str, dumper: _Dumper, text: str) -> yaml.Node:
    # Other styles fold line ends that are not \n.
    return dumper.represent_scalar(tag, str(text), style=None if text.isprintable() else '"')


_Dumper.add_representer(str, partial(_represent, "tag:yaml.org,2002:str"))
_Dumper.add_representer(_Inert, partial(_represent, "!unsafe"))


def inert_yaml(variables: dict[str, Any]) -> str:
    if not isinstance(variables, dict):
        raise AnsibleTemplatePluginError(f"inert_yaml takes a mapping of variables, not {type(variables).__name__}.")
    return yaml.dump(_plain(variables), Dumper=_Dumper, indent=2, sort_keys=False, allow_unicode=True, width=160)


def _plain(value: Any) -> Any:
    """The same data in types of Python's own."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return _Inert(value) if _BRACE in value or value.startswith(_OVERRIDE) else str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    raise AnsibleTemplatePluginError(f"inert_yaml cannot write a {type(value).__name__}.")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"inert_yaml": inert_yaml}
