# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a hub's users before and after a run, as two texts for `--diff`. Neither text shows a password."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, is_ours
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import Record
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.users import UsersPlan

NO_ACCOUNT = "none"
FOREIGN_ACCOUNT = "of the host"
OUR_ACCOUNT = "ours"
LOCKED_ACCOUNT = "ours, locked"
CLEARED_ACCOUNT = "ours, locked, home removed"
PACKED_ACCOUNT = "ours, locked, home packed"

# What is said of a password.
UNSET = "none"
OTHER = "another one"
DECLARED = "as declared"


@dataclass(frozen=True)
class UserState:
    """A user before or after a run. `account` and `password` are texts of those above; None is for what there is not.

    `home` is a path or "missing".
    """

    record: Record | None
    account: str | None = None
    unix_groups: frozenset[str] | None = None
    home: str | None = None
    password: str | None = None


def users_diff(names: Iterable[str], plan: UsersPlan) -> list[dict[str, str]]:
    """The diff of those of the named users who change, empty if nothing changes."""
    if not plan.changes():
        return []
    changed = plan.changed_names()
    before = states_before([name for name in names if name in changed], plan)
    after = states_after(before, plan)
    lines_before, lines_after = [], list(_new_groups(plan))
    for name in before:
        lines_before += _lines(name, before[name], other=after[name])
        lines_after += _lines(name, after[name], other=before[name])
    return [
        {
            "before_header": "users",
            "after_header": "users",
            "before": "".join(f"{line}\n" for line in lines_before),
            "after": "".join(f"{line}\n" for line in lines_after),
        }
    ]


def states_before(names: Iterable[str], plan: UsersPlan) -> dict[str, UserState]:
    """The named users before the changes of a plan."""
    if plan.host is None:
        return {name: UserState(plan.hub.records.get(name)) for name in names}
    groups = plan.host.groups_of()
    return {name: _before(name, plan, frozenset(groups.get(name, ()))) for name in names}


def states_after(before: dict[str, UserState], plan: UsersPlan) -> dict[str, UserState]:
    """The users after the changes of a plan, from those before."""
    records = plan.records.records_after(plan.hub.records)
    found = {name: replace(state, record=records.get(name)) for name, state in before.items()}
    if plan.host is None:
        return found
    groups = plan.accounts.groups_after(plan.host.groups_of())
    return {name: _after(name, state, plan, frozenset(groups.get(name, ()))) for name, state in found.items()}


def _before(name: str, plan: UsersPlan, groups: frozenset[str]) -> UserState:
    record, account = plan.hub.records.get(name), plan.host.accounts.get(name)
    if account is None:
        return UserState(record, NO_ACCOUNT, password=UNSET)
    return UserState(
        record,
        account=_kind(account, plan.account_group),
        unix_groups=groups,
        home="missing" if name in plan.accounts.homes else account.home,
        password=OTHER,
    )


def _kind(account: Account, account_group: str) -> str:
    if not is_ours(account, account_group):
        return FOREIGN_ACCOUNT
    return LOCKED_ACCOUNT if account.retired else OUR_ACCOUNT


def _after(name: str, before: UserState, plan: UsersPlan, groups: frozenset[str]) -> UserState:
    accounts, account = plan.accounts, plan.host.accounts.get(name)
    if name in accounts.remove:
        kind = PACKED_ACCOUNT if name in plan.archives else CLEARED_ACCOUNT
        return replace(before, account=kind, unix_groups=groups)
    kind = before.account
    if name in accounts.lock:
        kind = LOCKED_ACCOUNT
    elif name in accounts.create or name in accounts.unlock:
        kind = OUR_ACCOUNT
    return replace(
        before,
        account=kind,
        unix_groups=None if kind == NO_ACCOUNT else groups,
        home=account.home if account else None,
        password=DECLARED if name in accounts.passwords else before.password,
    )


def _new_groups(plan: UsersPlan) -> Iterator[str]:
    if plan.accounts.groups:
        yield f"new Unix groups: {_listing(plan.accounts.groups)}"
    if plan.records.new_groups:
        yield f"new groups: {_listing(plan.records.new_groups)}"


def _lines(name: str, state: UserState, *, other: UserState) -> Iterator[str]:
    """A user's lines. Home and password are only shown where the other state has different ones."""
    yield f"{name}:"
    if state.record is None:
        yield "  record: none"
    else:
        yield f"  admin: {str(state.record.admin).lower()}"
        yield f"  groups: {_listing(state.record.groups)}"
    if state.account is not None:
        yield f"  account: {state.account}"
    if state.unix_groups is not None:
        yield f"  unix_groups: {_listing(state.unix_groups)}"
    for key in ("home", "password"):
        if getattr(state, key) != getattr(other, key):
            yield f"  {key}: {getattr(state, key)}"


def _listing(names: Iterable[str]) -> str:
    return f"[{', '.join(sorted(names))}]"
