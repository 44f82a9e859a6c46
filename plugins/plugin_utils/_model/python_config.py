# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of Python that a configuration loads after what the role writes, for hooks that data cannot say.

Which options they leave alone is said by the models of the hub and of labs, and judged on the host, where the options
are known: the program that checks configurations runs the files.
"""

from __future__ import annotations

import ast
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

RISK = "python_config_overrides"
# Of what decides who gets in, everything is data but the hooks.
ALL_BUT_HOOKS = "(?!.*_hook$).*"
Guarded = dict[str, dict[str, str]]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}[.]py")
_MOST = 99


def problems(variable: str, given: Iterable[str], host: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the files that a variable names."""
    paths = list(given)
    if len(paths) > _MOST:
        yield f"{variable}: at most {_MOST} files."
    for path in paths:
        if not _NAME.fullmatch(Path(path).name):
            yield (
                f"{variable}: '{path}' must name a file of Python by letters, digits, hyphens, dots and underscores, "
                "such as files/hooks.py."
            )
        elif not (file := _find(path, host)):
            yield (
                f"{variable}: '{path}' is no file on the controller; write the path of one beside the inventory, or "
                "beside the playbook that has the role."
            )
        else:
            yield from _syntax(variable, path, file)


def guarded(advice: Mapping[str, str], set_here: Iterable[tuple[str, Iterable[str]]]) -> Guarded:
    """What the files leave alone: what `advice` is about, by Class.option, and the options of classes in `set_here`."""
    found: Guarded = {}
    for key, text in advice.items():
        class_name, _dot, option = key.partition(".")
        found.setdefault(class_name, {})[option] = text
    for class_name, options in set_here:
        for option in options:
            found.setdefault(class_name, {}).setdefault(option, "the role sets it")
    return found


def plan(
    directory: str, settings: Mapping[str, Any], host: Mapping[str, Any], kept: Guarded, variable: str
) -> dict[str, Any]:
    """The files of `settings` for the module jupyter_config.

    They leave alone what is in `kept`; `variable` accepts the risk that they do not.
    """
    files = [
        {"name": name, "content": _find(path, host).read_text(encoding="utf-8")}
        for name, path in _named(settings["python_config"]).items()
    ]
    judged = {"guarded": kept, "unless": f"{variable}: [{RISK}]"} if RISK not in settings["accept_risks"] else {}
    return {"directory": directory, "files": files, **(judged if files else {})}


def credentials(directory: str, given: Iterable[str]) -> dict[str, str]:
    """The same files for a unit, which is given them with the rest of its configuration."""
    return {name: f"{directory}/{name}" for name in _named(given)}


def _named(given: Iterable[str]) -> dict[str, str]:
    """The paths by the names that the files have on the host, which say the order."""
    return {f"{number:02}-{Path(path).name}": path for number, path in enumerate(given, 1)}


def _find(path: str, host: Mapping[str, Any]) -> Path | None:
    """The file of a path: where Ansible looks for what a task of the caller names, then beside the inventory.

    A playbook of the collection hides from its tasks where the one lies that imports it.
    """
    if path.startswith(("/", "~")):
        places = [Path(path).expanduser()]
    else:
        # Not among the files of the collection's own roles, whose tasks look for it.
        above = [Path(one) for one in (*host.get("ansible_search_path", ()), host.get("inventory_dir")) if one]
        places = [
            place
            for one in above
            if not one.resolve().is_relative_to(COLLECTION / "roles")
            for place in (one / "files" / path, one / path)
        ]
    return next((place for place in places if place.is_file()), None)


def _syntax(variable: str, path: str, file: Path) -> Iterator[str]:
    """Before anything changes; the interpreter that will run the file has the last word."""
    try:
        ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:  # no UTF-8 is a ValueError
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        yield f"{variable}: {path}{line}: {text}; Python {platform.python_version()} cannot read the file."
