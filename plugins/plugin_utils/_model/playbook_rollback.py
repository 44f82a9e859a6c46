# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hub goes back, and where to."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterhub",)
SAYS = ()
LIST = "list"
STATE = re.compile(r"list|previous|[0-9]{8}T[0-9]{6}Z(-[0-9]+)?")


def problems(given: Given) -> list[str]:
    """What is wrong with the state that is named; whether the hub has it, the host knows."""
    wanted, lost = given.settings["rollback_to"], given.settings["rollback_lose_since"]
    if not STATE.fullmatch(wanted):
        return [
            f"jupyter_rollback_to: '{wanted}' is no state; write previous, or a time that "
            "-e jupyter_rollback_to=list shows, such as 20261129T104000Z."
        ]
    if wanted == LIST and lost:
        return ["jupyter_rollback_lose_since is for a way back; write jupyter_rollback_to: and the state as well."]
    return []


def plan(given: Given) -> dict[str, Any]:
    """For the module jupyterhub_history."""
    wanted = given.settings["rollback_to"]
    return {
        "name": given.others["jupyterhub"]["name"],
        "state": "listed" if wanted == LIST else "restored",
        "to": wanted,
        "lose_since": given.settings["rollback_lose_since"],
    }
