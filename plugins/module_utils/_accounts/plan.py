# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the Unix accounts of a hub's users, without a look at the host."""

from __future__ import annotations

import re
from collections.abc import Callable

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Host,
    is_ours,
    is_there,
)

# Every hub of the host has such a group. An account may be in several of them.
HUB_GROUP = re.compile(r"jupyterhub(-.*)?")


def plan_accounts(users: list[dict], host: Host, account_group: str, path_exists: Callable[[str], bool]) -> AccountPlan:
    """The changes of a host's accounts for the declared users. `account_group` is the group of all accounts."""
    plan = AccountPlan(groups=_missing_groups(users, host, account_group))
    memberships = host.groups_of()
    for user in users:
        account, groups = host.accounts.get(user["name"]), memberships.get(user["name"], set())
        if user["state"] == "absent":
            _plan_absent(plan, user, account, groups, account_group, path_exists)
        elif account is None:
            _plan_new(plan, user, host, account_group)
        else:
            wanted = _wanted_groups(user, account, host, account_group)
            _plan_existing(plan, user, account, wanted - groups)
            if is_ours(account, account_group):
                _plan_ours(plan, account, groups - wanted, has_home=path_exists(account.home))
    return plan


def with_hashes(
    users: list[dict], host: Host, matches: Callable[[str, str], bool], hashed: Callable[[str], str]
) -> list[dict]:
    """The users with a hash for each password: the account's own while that is of the password, else a new one.

    `matches` and `hashed` are those of passwords.py.
    """
    found = []
    for user in users:
        account = host.accounts.get(user["name"])
        if user["password"]:
            kept = account is not None and matches(user["password"], account.shadow)
            user = {**user, "password_hash": account.shadow if kept else hashed(user["password"])}
        found.append(user)
    return found


def _missing_groups(users: list[dict], host: Host, account_group: str) -> dict[str, bool]:
    """The groups to create, and whether they are system groups."""
    present = [user for user in users if user["state"] == "present"]
    # useradd creates a group with the name of the account.
    new = {user["name"] for user in present if user["name"] not in host.accounts}
    wanted = dict.fromkeys([account_group, *(group for user in present for group in user["unix_groups"])])
    return {group: group == account_group for group in wanted if group not in host.groups and group not in new}


def _wanted_groups(user: dict, account: Account, host: Host, account_group: str) -> set[str]:
    """The groups of an existing account. It needs no entry in its primary group."""
    wanted = {account_group, *user["unix_groups"]}
    return {group for group in wanted if group not in host.groups or host.groups[group].gid != account.gid}


def _plan_absent(
    plan: AccountPlan,
    user: dict,
    account: Account | None,
    groups: set[str],
    account_group: str,
    path_exists: Callable[[str], bool],
) -> None:
    name, ours = user["name"], account is not None and is_ours(account, account_group)
    if ours and user["home"] != "keep":
        if is_there(account, path_exists):
            plan.remove[name] = user["home"] == "archive"
        for group in sorted(groups):
            _add(plan.leave, group, name)
        return
    if ours and not account.retired:
        plan.lock.append(name)
    if account_group in groups:
        _add(plan.leave, account_group, name)


def _plan_new(plan: AccountPlan, user: dict, host: Host, account_group: str) -> None:
    name = user["name"]
    wanted = {account_group, *user["unix_groups"]} - {name}
    # The other groups are created together with the accounts of the same name.
    at_once = {group for group in wanted if group in host.groups or group in plan.groups}
    plan.create[name] = sorted(at_once)
    plan.homes.append(name)
    if user["password_hash"]:
        plan.passwords[name] = user["password_hash"]
    for group in sorted(wanted - at_once):
        _add(plan.join, group, name)


def _plan_existing(plan: AccountPlan, user: dict, account: Account, missing_groups: set[str]) -> None:
    """An account of somebody else only gets a password and joins groups."""
    if user["password_hash"] and account.shadow != user["password_hash"]:
        plan.passwords[account.name] = user["password_hash"]
    for group in sorted(missing_groups):
        _add(plan.join, group, account.name)


def _plan_ours(plan: AccountPlan, account: Account, surplus_groups: set[str], *, has_home: bool) -> None:
    """An account of ours also gets its home, is unlocked, and leaves groups."""
    if not has_home:
        plan.homes.append(account.name)
    if account.retired:
        plan.unlock.append(account.name)
    for group in sorted(surplus_groups):
        if not HUB_GROUP.fullmatch(group):
            _add(plan.leave, group, account.name)


def _add(names_by_group: dict[str, list[str]], group: str, name: str) -> None:
    names_by_group.setdefault(group, []).append(name)
