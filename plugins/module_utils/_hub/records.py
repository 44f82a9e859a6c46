# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the records of a hub's users, without a call to the hub. `client.py` reads records and carries out the plan."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

# The scopes that a token needs. A hub lets only administrators create and change administrators, whatever the scopes.
SCOPES = frozenset({"admin:users", "read:servers", "delete:servers"})
GROUP_SCOPES = frozenset({"admin:groups"})


@dataclass(frozen=True)
class Record:
    """A user in the hub.

    `servers` are the names of the servers that run, start or stop; the default server has an empty name.
    """

    name: str
    admin: bool = False
    groups: frozenset[str] = frozenset()
    servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class HubState:
    """The records of declared users by name, and the names of groups.

    `is_admin` says whether the token may create and change administrators.
    """

    records: dict[str, Record] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    is_admin: bool = True


@dataclass(frozen=True)
class RecordPlan:
    """The changes of records, in the form of the API, where a call takes many users. `join`, `leave` are by group."""

    # Names by whether they are administrators, because a call creates either administrators or other users.
    create: dict[bool, list[str]] = field(default_factory=dict)
    admin: dict[str, bool] = field(default_factory=dict)
    new_groups: list[str] = field(default_factory=list)
    join: dict[str, list[str]] = field(default_factory=dict)
    leave: dict[str, list[str]] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)

    def admins(self) -> list[str]:
        """Users that only an administrator may create or change."""
        return [*self.create.get(True, []), *self.admin]

    def created(self) -> list[str]:
        """Users whose records are new."""
        return [name for names in self.create.values() for name in names]

    def changed(self) -> list[str]:
        """Users whose records exist before and after, and change."""
        moved = [name for groups in (self.join, self.leave) for names in groups.values() for name in names]
        created = set(self.created())
        return [name for name in dict.fromkeys([*self.admin, *moved]) if name not in created]

    def records_after(self, records: dict[str, Record]) -> dict[str, Record]:
        """The records after the changes, from those before."""
        removed = set(self.remove)
        found = {name: record for name, record in records.items() if name not in removed}
        for admin, names in self.create.items():
            found.update({name: Record(name, admin) for name in names})
        for name, admin in self.admin.items():
            found[name] = replace(found[name], admin=admin)
        for group, names in self.join.items():
            for name in names:
                found[name] = replace(found[name], groups=found[name].groups | {group})
        for group, names in self.leave.items():
            for name in names:
                found[name] = replace(found[name], groups=found[name].groups - {group})
        return found


def plan_records(
    users: list[dict],
    records: dict[str, Record],
    groups: AbstractSet[str],
    manage_groups: bool,
    manage_admins: bool = True,
) -> RecordPlan:
    """The changes of the hub's records for the declared users. `groups` are the names of all groups of the hub."""
    plan = RecordPlan()
    for user in users:
        name, record = user["name"], records.get(user["name"])
        if user["state"] == "absent":
            if record:
                plan.remove.append(name)
            continue
        if record is None:
            plan.create.setdefault(user["admin"], []).append(name)
        elif manage_admins and record.admin != user["admin"]:
            plan.admin[name] = user["admin"]
        if manage_groups:
            _plan_groups(plan, name, record.groups if record else frozenset(), set(user["groups"]))
    return replace(plan, new_groups=sorted(set(plan.join) - groups))


def _plan_groups(plan: RecordPlan, name: str, present: frozenset[str], wanted: set[str]) -> None:
    for group in sorted(wanted - present):
        plan.join.setdefault(group, []).append(name)
    for group in sorted(present - wanted):
        plan.leave.setdefault(group, []).append(name)
