# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads a configuration: what JSON says, then the administrator's own Python.

Hub and servers load by this file, which their releases hold, and so does the program that checks configurations.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

# The number is the place in the order.
PATTERN = "[0-9][0-9]-*.py"


def fill(config: Any, options: dict[str, dict[str, Any]]) -> None:
    """Sets options, class names to names to values, in a configuration of traitlets."""
    for class_name, values in options.items():
        for name, value in values.items():
            config[class_name][name] = value


def drop_ins(directory: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Path and text of each file of Python in a directory, in their order."""
    for path in sorted(directory.glob(PATTERN)):
        yield str(path), path.read_text(encoding="utf-8")


def run(config: Any, path: str, text: str) -> None:
    """Runs one of them, which finds the configuration as `c` and by get_config(). Raises whatever it raises."""
    names = {"__file__": path, "c": config, "get_config": lambda: config}
    # What this file imports from __future__ is not theirs.
    exec(compile(text, path, "exec", dont_inherit=True), names)
