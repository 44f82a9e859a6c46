# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host goes back, the hub or the labs, and where to."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import playbook
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterhub", "jupyterlab")
LIST = "list"
STATE = re.compile(r"list|previous|[0-9]{8}T[0-9]{6}Z(-[0-9]+)?")


def problems(given: Given) -> list[str]:
    """What is wrong with the state that is named; whether there is one, the host knows."""
    wanted, lost = given.settings["rollback_to"], given.settings["rollback_lose_since"]
    if not STATE.fullmatch(wanted):
        return [
            f"jupyter_rollback_to: '{wanted}' is no state; write previous, or a time that "
            "-e jupyter_rollback_to=list shows, such as 20261129T104000Z."
        ]
    parts = {"hub": playbook.hubs(given), "labs": playbook.labs(given)}
    chosen = given.settings["rollback_of"]
    if chosen and not parts[chosen]:
        return [f"jupyter_rollback_of: the host has no {chosen}; leave it out."]
    if not chosen and wanted != LIST and all(parts.values()):
        return [
            "jupyter_rollback_of: the host has a hub and labs, whose states end at different times; write "
            "-e jupyter_rollback_of=hub or -e jupyter_rollback_of=labs."
        ]
    if wanted == LIST and lost:
        return ["jupyter_rollback_lose_since is for a way back; write jupyter_rollback_to: and the state as well."]
    return []


def plan(given: Given) -> dict[str, Any]:
    """For the modules jupyterhub_history and jupyterlab_history; empty where the host has none, or is not asked."""
    wanted, chosen = given.settings["rollback_to"], given.settings["rollback_of"]
    state = {"state": "listed" if wanted == LIST else "restored", "to": wanted}
    lose_since = given.settings["rollback_lose_since"]
    hub = {"name": given.others["jupyterhub"]["name"], **state, "lose_since": lose_since}
    labs = {"labs": [lab["name"] for lab in playbook.labs(given)], **state}
    return {
        "hub": hub if playbook.hubs(given) and chosen != "labs" else {},
        "labs": labs if labs["labs"] and chosen != "hub" else {},
    }
