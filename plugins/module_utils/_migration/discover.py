# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files and command lines of a Jupyter that was set up by hand, and translates old names. Pure functions.

Configuration in Python is parsed and never run: assignments of plain values are read, other lines are reported.
"""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

PROGRAM = re.compile(r"(?:^|/)jupyter(?:$|-(?P<dashed>lab|notebook|server|hub)$|(?P<hub>hub)$)")
INTERPRETER = re.compile(r"(?:^|/)python[0-9.]*$")
# Options that are addresses, paths or parts of one.
TEXTS = ("base_url", "bind_url", "certfile", "default_url", "ip", "keyfile", "root_dir", "ssl_cert", "ssl_key")
NUMBER = re.compile(r"[0-9]{1,9}")
KINDS = {"lab": "lab", "notebook": "lab", "server": "lab", "hub": "hub"}
# Short forms of the command line.
FLAGS = {name: f"ServerApp.{name}" for name in ("certfile", "ip", "keyfile", "port")}
OLD_CLASSES = dict.fromkeys(("NotebookApp", "LabApp", "JupyterApp"), "ServerApp")
OLD_NAMES = {"notebook_dir": "root_dir", "whitelist": "allowed_users"}
SITE = re.compile(r"proxy_pass\s+https?://(?:127\.0\.0\.1|localhost|\[::1\]):(?P<port>[0-9]+)")
SERVER_NAME = re.compile(r"^\s*server_name\s+(?P<names>[^;]+);", re.MULTILINE)


def read_python(text: str) -> tuple[dict[str, Any], list[str]]:
    """The options `Class.name` that a configuration file sets, and a description of each other line.

    >>> read_python("c.ServerApp.port = 8888")
    ({'ServerApp.port': 8888}, [])
    """
    options, unread, lines = {}, [], text.splitlines()
    try:
        statements = ast.parse(text).body
        # A person may write what Python's own parser gives up on.
        ast.unparse(statements)
    except SyntaxError as error:
        return {}, [f"line {error.lineno}: not Python"]
    except (MemoryError, RecursionError, ValueError) as error:
        return {}, [f"not Python: {type(error).__name__}"]
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) or "get_config()" in ast.unparse(statement):
            continue
        name = _option(statement)
        if name is None:
            # The value may be a secret.
            unread.append(f"line {statement.lineno}: {lines[statement.lineno - 1].partition('=')[0].strip()}")
            continue
        try:
            options[name] = _value(statement.value)
        except (MemoryError, RecursionError, SyntaxError, TypeError, ValueError):
            unread.append(f"line {statement.lineno}: the value of {name}")
    return options, unread


def _option(statement: ast.stmt) -> str | None:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    name = ast.unparse(statement.targets[0])
    return name.removeprefix("c.") if re.fullmatch(r"c\.\w+\.\w+", name) else None


def _value(node: ast.expr) -> Any:
    # A class is given by its name, which the file has imported.
    if isinstance(node, ast.Name):
        return node.id
    value = ast.literal_eval(node)
    return sorted(value) if isinstance(value, (set, tuple)) else value


def flatten(config: dict[str, Any]) -> dict[str, Any]:
    """The options of a configuration file in JSON."""
    classes = {name: values for name, values in config.items() if isinstance(values, dict)}
    return {f"{name}.{option}": value for name, values in classes.items() for option, value in values.items()}


def sound(options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The options whose values are of a kind that Jupyter takes, and the names of the others."""
    wrong = [key for key, value in options.items() if not _is_sound(key.rpartition(".")[2], value)]
    return {key: value for key, value in options.items() if key not in wrong}, wrong


def _is_sound(name: str, value: Any) -> bool:
    if name == "port":
        return isinstance(value, (int, str)) and NUMBER.fullmatch(str(value)) is not None
    return name not in TEXTS or (isinstance(value, str) and value.isprintable())


def with_current_names(options: dict[str, Any]) -> dict[str, Any]:
    """The options by their current names. If an option has both names, the current one counts."""
    renamed = {}
    for key, value in options.items():
        class_name, _dot, name = key.partition(".")
        new = f"{OLD_CLASSES.get(class_name, class_name)}.{OLD_NAMES.get(name, name)}"
        if new == key or new not in options:
            renamed[new] = value
    return renamed


def read_command(command: str) -> tuple[str, str, dict[str, Any]] | None:
    """The kind of server, the configuration file and the options of a command line; None if it is not Jupyter's."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    while words and words[0] in ("env", "exec"):
        words = words[1:]
    if words and INTERPRETER.search(words[0]):
        words = words[1:]
    match, rest = PROGRAM.search(words[0]) if words else None, words[1:]
    if not match:
        return None
    kind = match["hub"] or match["dashed"] or (rest.pop(0) if rest and rest[0] in KINDS else "")
    if kind not in KINDS:
        return None
    config, options = "", {}
    for index, word in enumerate(rest):
        name, equals, value = word.lstrip("-").partition("=")
        if not equals and index + 1 < len(rest) and not rest[index + 1].startswith("-"):
            value = rest[index + 1]
        if name in ("config", "f"):
            config = value
        elif word.startswith("--") and value and (name in FLAGS or "." in name):
            options[FLAGS.get(name, name)] = int(value) if NUMBER.fullmatch(value) else value
    return KINDS[kind], config, options


def read_unit(text: str) -> dict[str, str]:
    """The last value of each directive of a unit file."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and line[:1] not in "#;[")
    return {name.strip(): value.strip() for name, _equals, value in pairs}


def site_names(text: str, port: int) -> list[str]:
    """The names under which an nginx site shows a port of the host; empty if it does not."""
    if port not in [int(match["port"]) for match in SITE.finditer(text)]:
        return []
    names = [name for match in SERVER_NAME.finditer(text) for name in match["names"].split()]
    return [name for name in dict.fromkeys(names) if "." in name] or ["_"]
