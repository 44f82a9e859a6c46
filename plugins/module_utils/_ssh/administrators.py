# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of administrators, and what has to change. Pure: `_accounts/host.py` changes it."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Host,
    is_ours,
    is_there,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person

# Part of the comment by which accounts that this role made are known.
KIND = "administrators"


def host_problems(
    people: list[dict], host: Host, home_of: Callable[[str], str], exists: Callable[[str], bool], connected_as: str
) -> list[str]:
    """What keeps these people from being administrators of this host, or from leaving it.

    `home_of` a new account is where its home will be, `connected_as` the account of the connection.
    """
    found = []
    for person in people:
        name, account = person["name"], host.accounts.get(person["name"])
        if account and not is_person(account.uid):
            found.append(f"{name}: is an account of the system (uid {account.uid}); choose another name.")
        if person["state"] == "absent":
            if name == connected_as:
                found.append(f"{name}: is the account of this connection; remove it while connected as another one.")
            if account and not account.local:
                found.append(f"{name}: has its account elsewhere, not in /etc/passwd; lock it there.")
            if account and account.local and person["home"] == "remove" and not is_ours(account, KIND):
                found.append(
                    f"{name}: has an account that this role did not make; write home: keep, which locks it, and "
                    f"remove it by `userdel --remove {name}`."
                )
            continue
        if account is None and exists(home_of(name)):
            found.append(f"{name}: {home_of(name)} is there, but no account. Move it away, or make the account.")
        found += _present_problems(person, account, host, exists)
    return found


def _present_problems(person: dict, account: Account | None, host: Host, exists: Callable[[str], bool]) -> list[str]:
    name, found = person["name"], []
    if account is None and name in host.groups:
        found.append(f"{name}: there is a group of this name, but no account; rename it, or make the account.")
    if account and not is_ours(account, KIND) and not exists(account.home):
        found.append(f"{name}: has no home; make {account.home}, which belongs to {name}.")
    if account and not account.local and person["password_hash"]:
        found.append(f"{name}: has its password elsewhere, not in /etc/shadow; leave password_hash out.")
    if person["sudo"] == "password" and not person["password_hash"] and not (account and has_password(account)):
        found.append(
            f"{name}: sudo asks for a password, and there is none; give password_hash, or write sudo: nopasswd."
        )
    missing = [group for group in person["unix_groups"] if group not in host.groups]
    found += [f"{name}: there is no group {group} on this host; make it first, or leave it out." for group in missing]
    return found


def has_password(account: Account) -> bool:
    """Whether sudo can ask for a password; that of an account from elsewhere is not known here, but there."""
    return not account.local or account.shadow[:1] not in ("", "!", "*")


def plan(people: list[dict], host: Host, exists: Callable[[str], bool]) -> AccountPlan:
    """From the people as declared and the host; `exists` tells of a path."""
    found = AccountPlan()
    memberships = host.groups_of()
    for person in people:
        account, groups = host.accounts.get(person["name"]), memberships.get(person["name"], set())
        if person["state"] == "present":
            _stay(found, person, account, groups, host, exists)
        elif account:
            _leave(found, person, account, groups, host, exists)
    return found


def _stay(
    found: AccountPlan,
    person: dict,
    account: Account | None,
    groups: set[str],
    host: Host,
    exists: Callable[[str], bool],
) -> None:
    """Plan what a person who is to be there lacks."""
    name = person["name"]
    if account is None:
        found.create[name] = sorted(person["unix_groups"])
    if account is None or (is_ours(account, KIND) and not exists(account.home)):
        found.homes.append(name)
    if account and account.retired:
        found.unlock.append(name)
    if person["password_hash"] and (account is None or account.shadow != person["password_hash"]):
        found.passwords[name] = person["password_hash"]
    for group in sorted(set(person["unix_groups"]) - groups) if account else ():
        if host.groups[group].gid != account.gid:
            found.join.setdefault(group, []).append(name)


def _leave(
    found: AccountPlan, person: dict, account: Account, groups: set[str], host: Host, exists: Callable[[str], bool]
) -> None:
    """Plan what goes of a person who is to go: the account, or all its ways in."""
    name = person["name"]
    if person["home"] != "remove":
        if not account.retired:
            found.lock.append(name)
        return
    if is_there(account, exists):
        found.remove[name] = False
    for group in sorted(groups):
        if host.groups[group].local:
            found.leave.setdefault(group, []).append(name)
