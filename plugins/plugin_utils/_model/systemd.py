# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as the role systemd takes them: the rules are the module's own, asked before a host is touched."""

from __future__ import annotations

from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import sandbox
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given


def problems(given: Given) -> list[str]:
    """What is wrong with the units and profiles: each with the unit, the rule and what to write instead."""
    return validation.problems(given.settings["units"], sandbox.profiles(given.settings["sandbox_profiles"]))


def plan(given: Given) -> dict[str, Any]:
    """The units and profiles, for the module systemd_units, and the handlers of the caller."""
    return {
        "units": given.settings["units"],
        "profiles": sandbox.profiles(given.settings["sandbox_profiles"]),
        "notify": given.settings["unit_notify"],
    }
