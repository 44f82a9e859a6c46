# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a hub's users, which is their records in the hub and their Unix accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import AccountPlan, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import HubState, RecordPlan


@dataclass(frozen=True)
class UsersPlan:
    """The hub and the host before a run, and the changes of both.

    `host` is None where accounts are not managed. `archives` are the paths of the packed homes by name.
    """

    hub: HubState
    records: RecordPlan
    host: Host | None
    accounts: AccountPlan
    account_group: str
    archives: dict[str, str]

    def report(self) -> dict[str, Any]:
        """The changes as the module returns them."""
        return {
            "users": _names(self.records),
            "accounts": _names(self.accounts),
            "groups": self.records.new_groups,
            "unix_groups": list(self.accounts.groups),
            "archives": list(self.archives.values()),
        }

    def changes(self) -> bool:
        """Whether anything changes."""
        return bool(self.records.new_groups or self.accounts.groups or self.changed_names())

    def changed_names(self) -> set[str]:
        """The users whose records or accounts change."""
        lists = (*_names(self.records).values(), *_names(self.accounts).values())
        return {name for names in lists for name in names}


def _names(plan: RecordPlan | AccountPlan) -> dict[str, list[str]]:
    return {"created": plan.created(), "changed": plan.changed(), "removed": list(plan.remove)}
