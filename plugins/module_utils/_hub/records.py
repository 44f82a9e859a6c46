# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub knows of its users, and what has to change. Pure: see `_hub_client` for how it does."""

from __future__ import annotations

from dataclasses import dataclass, field

# What a token needs. The hub lets only administrators make and change administrators, whatever their scopes.
SCOPES = frozenset({"admin:users", "read:servers", "delete:servers"})
GROUP_SCOPES = frozenset({"admin:groups"})


@dataclass(frozen=True)
class Record:
    """A user as the hub has it. Servers are those that run, start or stop; the default one has an empty name."""

    name: str
    admin: bool = False
    groups: frozenset[str] = frozenset()
    servers: tuple[str, ...] = ()


@dataclass
class RecordPlan:
    """What has to change, in the form in which the API takes it: many users for each call."""

    # Names by whether they are administrators, because a call makes users of one kind.
    create: dict[bool, list[str]] = field(default_factory=dict)
    admin: dict[str, bool] = field(default_factory=dict)
    new_groups: list[str] = field(default_factory=list)
    join: dict[str, list[str]] = field(default_factory=dict)
    leave: dict[str, list[str]] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)

    def admins(self) -> list[str]:
        """Users that only an administrator may make or change."""
        return [*self.create.get(True, []), *self.admin]

    def created(self) -> list[str]:
        return [name for names in self.create.values() for name in names]

    def changed(self) -> list[str]:
        """Users that had a record and keep it, otherwise."""
        moved = [name for groups in (self.join, self.leave) for names in groups.values() for name in names]
        created = set(self.created())
        return [name for name in dict.fromkeys([*self.admin, *moved]) if name not in created]


def plan_records(
    users: list[dict], records: dict[str, Record], groups: set[str], manage_groups: bool, manage_admins: bool = True
) -> RecordPlan:
    """From the users as declared, their records and the names of all groups there are."""
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
        if not manage_groups:
            continue
        present, wanted = record.groups if record else frozenset(), set(user["groups"])
        for group in sorted(wanted - present):
            plan.join.setdefault(group, []).append(name)
        for group in sorted(present - wanted):
            plan.leave.setdefault(group, []).append(name)
    plan.new_groups = sorted(set(plan.join) - groups)
    return plan
