# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which groups of an inventory a playbook takes, and what to say where it has none of them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError

# A site's own playbook may import several of ours, of which each finds its hosts or none.
OURS = (
    *("jupyterlab", "jupyterhub", "jupyterhub_nodes"),
    *("slurm_controller", "slurm_nodes", "slurm_clients", "slurm_database"),
)
# From 0 to 1; a letter or two differ.
_LIKELY = 0.8


def taken(names: Sequence[str], groups: Mapping[str, Collection[str]]) -> list[str]:
    """Those of the groups that have hosts; all of them where nothing is wrong with having none.

    Raises InputError where an inventory has hosts, and none in a group of the collection: Ansible would skip every play
    and end well.
    """
    used = [name for name in names if groups.get(name)]
    if used or not groups.get("all") or any(groups.get(name) for name in OURS):
        return used or list(names)
    wanted = " or ".join(names)
    others = set(groups) - {"all", "ungrouped", *OURS}
    pairs = [(_likeness(name, other), name, other) for name in names for other in others]
    likeness, name, close = max(pairs, default=(0, "", ""))
    if likeness >= _LIKELY:
        raise InputError(f"the inventory has no host in the group {wanted}; did you mean {name} by {close}?")
    raise InputError(f"the inventory has no host in the group {wanted}; write a host below that name.")


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()
