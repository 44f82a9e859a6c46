# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which groups of an inventory a playbook takes, and what to say where it has none of them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import nfs_home, slurm_ports
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import InputError

# A site's own playbook may import several of ours, of which each finds its hosts or none.
OURS = ("jupyterlab", "jupyterhub", *slurm_ports.GROUPS, *nfs_home.GROUPS)
# From 0 to 1; a letter or two differ.
_LIKELY = 0.9


def taken(names: Sequence[str], groups: Mapping[str, Collection[str]]) -> list[str]:
    """Those of the groups that have hosts; all of them where nothing is wrong with having none.

    Raises InputError where an inventory has hosts, and none in a group of the collection: Ansible would skip every play
    and end well.
    """
    used = [name for name in names if groups.get(name)]
    if used or not groups.get("all") or any(groups.get(name) for name in OURS):
        return used or list(names)
    if close := _misspelt(names, groups):
        raise InputError(*close.values())
    raise InputError(f"the inventory has no host in {' or '.join(names)}; write a host below a group of that name.")


def doubts(names: Sequence[str], groups: Mapping[str, Collection[str]]) -> list[str]:
    """Of each of the groups that is missing beside others: the one that was likely meant, whose hosts are left out."""
    if not any(groups.get(name) for name in names):
        return []
    found = _misspelt([name for name in names if not groups.get(name)], groups)
    return [f"{words}; its hosts are left out: {', '.join(groups[other])}." for other, words in found.items()]


def _misspelt(names: Sequence[str], groups: Mapping[str, Collection[str]]) -> dict[str, str]:
    """What to say of the groups that are almost called so, by group."""
    others = [group for group in groups if group not in ("all", "ungrouped", *OURS) and groups[group]]
    found = {}
    for name in names:
        for close in difflib.get_close_matches(name, others, 1, _LIKELY):
            found[close] = f"the inventory has a group {close}, which has to be called {name}"
    return found
