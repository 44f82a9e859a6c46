# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that timers start: the unit of a timer, and the units that systemd starts where a service fails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

# systemd puts the name of the unit that failed in the place of %n.
ALARM_UNIT = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.@%\\-]*\.(service|socket|target)")


def alarm_problems(variable: str, units: Iterable[str]) -> Iterator[str]:
    """What is wrong with the units of alarms that a variable lists."""
    for unit in units:
        if not ALARM_UNIT.fullmatch(unit):
            yield f"{variable}: '{unit}' is no unit's name; write one such as mail-root@%n.service."


def on_failure(units: list[str]) -> dict[str, Any]:
    """The directive of the section Unit by which a service has alarms."""
    return {"OnFailure": units} if units else {}


def timer(name: str, description: str, timing: dict[str, Any]) -> dict[str, Any]:
    """The unit that starts the service of the same name; `timing` has the directives that say when."""
    return {
        "name": f"{name}.timer",
        "sections": {
            "Unit": {"Description": description},
            "Timer": timing,
            "Install": {"WantedBy": "timers.target"},
        },
    }
