# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import shutil
import textwrap
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

COLOURS = {"ok": "green", "warn": "yellow", "red": "red", "skip": "cyan"}
# Of the columns before the text: the check and the state.
CHECK, STATE = 13, 6
NARROWEST = 60


class ActionModule(ActionBase):
    """Prints the status of a host, on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(
            {
                "rows": {"type": "list", "elements": "dict", "required": True},
                "format": {"type": "str", "choices": ["table", "json"], "default": "table"},
            }
        )[1]
        host, rows = (task_vars or {})["inventory_hostname"], arguments["rows"]
        if arguments["format"] == "json":
            Display().display(json.dumps({"host": host, "rows": rows}))
        else:
            Display().display(f"\n{host}")
            for row in rows:
                Display().display(line(row, shutil.get_terminal_size().columns), color=COLOURS[row["state"]])
        return {**result, "changed": False}


def line(row: dict[str, str], width: int) -> str:
    """A row of the table; its text goes on below itself where a terminal is not wide enough.

    A text may have the name of somebody's file in it, which tells the terminal nothing.
    """
    head = f"  {row['check']:{CHECK}}{row['state']:{STATE}}"
    return textwrap.fill(
        "".join(one if one.isprintable() or one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in row["text"]),
        max(width, NARROWEST),
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
