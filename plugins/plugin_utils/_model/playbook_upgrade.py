# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host an upgrade deploys, and what of it goes back where the host is not well afterwards."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import playbook, playbook_verify
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = playbook_verify.USES
SAYS = ()


def problems(given: Given) -> list[str]:
    """What is wrong with the labs and the hub, and with the visit that tells whether they are well."""
    return playbook_verify.problems(given)


def plan(given: Given) -> dict[str, Any]:
    """Whether hub and labs are deployed, and the names of those that run afterwards, and so have a state before."""
    groups = given.host["group_names"]
    return {
        "deploys": {"hub": "jupyterhub" in groups, "labs": "jupyterlab" in groups},
        "hub": next((hub["name"] for hub in playbook.hubs(given)), ""),
        "labs": [lab["name"] for lab in playbook.labs(given)],
    }
