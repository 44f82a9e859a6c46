# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says why declared users of a hub cannot be established, as messages for people. No message shows a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    FIRST_UID,
    GROUP,
    HASH,
    NAME,
    NOBODY,
    Account,
    Host,
)


def input_problems(
    users: list[dict], account_group: str, accounts: bool, manage_groups: bool, manage_admins: bool = True
) -> list[str]:
    """What is wrong with the users as declared, on any host. The options are those of the module jupyterhub_users."""
    found = []
    if accounts and not GROUP.fullmatch(account_group):
        found.append(f"account_group: {account_group!r} is no name of a Unix group.")
    seen = set()
    for user in users:
        if user["name"] in seen:
            found.append(f"{user['name']}: is listed twice.")
        seen.add(user["name"])
        found += _name_problems(user["name"], account_group, accounts)
        found += _value_problems(user, manage_groups, manage_admins)
        found += _account_problems(user, accounts)
    return found


def _name_problems(name: str, account_group: str, accounts: bool) -> Iterator[str]:
    if accounts and name == account_group:
        yield f"{name}: is the group of all accounts; a user needs another name."
    if not name:
        yield "A user has no name."
    elif accounts and not NAME.fullmatch(name):
        yield (
            f"{name!r}: is no name of a Unix account; write small letters, digits, '_', '-' and '.', "
            "32 at most, a letter first."
        )


def _value_problems(user: dict, manage_groups: bool, manage_admins: bool) -> Iterator[str]:
    name = user["name"]
    if user["password_hash"] and not HASH.fullmatch(user["password_hash"]):
        yield f"{name}: password_hash is no hash in the form of crypt(5), such as mkpasswd writes it."
    if user["groups"] and not manage_groups and user["state"] == "present":
        yield f"{name}: has groups, but the authenticator manages them; leave them out."
    if user["admin"] and not manage_admins:
        yield f"{name}: is an admin, but the authenticator says who is one; leave it out."
    if not all(user["groups"]):
        yield f"{name}: a group of the hub has no name."


def _account_problems(user: dict, accounts: bool) -> Iterator[str]:
    name = user["name"]
    if not accounts:
        for key in ("unix_groups", "password_hash"):
            if user[key]:
                yield f"{name}: {key} is for accounts, which are not managed here (accounts)."
    for group in user["unix_groups"]:
        if not GROUP.fullmatch(group):
            yield f"{name}: {group!r} is no name of a Unix group."


def host_problems(
    users: list[dict], host: Host, account_group: str, home_of: Callable[[str], str], path_exists: Callable[[str], bool]
) -> list[str]:
    """What keeps these users from having accounts on this host. `home_of` returns the path of a new account's home."""
    found = []
    for user in users:
        account = host.accounts.get(user["name"])
        if account and (account.uid < FIRST_UID or account.uid == NOBODY):
            found.append(f"{user['name']}: is an account of the system (uid {account.uid}), which is no user of a hub.")
        if user["state"] == "absent":
            continue
        if account is None:
            found += _new_account_problems(user["name"], host, home_of(user["name"]), path_exists)
        else:
            found += _password_problems(user, account)
    return [*found, *_group_problems(users, host, account_group)]


def _new_account_problems(name: str, host: Host, home: str, path_exists: Callable[[str], bool]) -> Iterator[str]:
    if name in host.groups:
        yield f"{name}: there is a group of this name, but no account; rename it, or make the account."
    if path_exists(home):
        yield (
            f"{name}: {home} is there, but no account. Move it away, or give it to a new account: "
            f"useradd --no-create-home {name}; chown --recursive {name}: {home}"
        )


def _password_problems(user: dict, account: Account) -> Iterator[str]:
    if not account.local and user["password_hash"]:
        yield f"{account.name}: has its password elsewhere, not in /etc/shadow; leave password_hash out."


def _group_problems(users: list[dict], host: Host, account_group: str) -> Iterator[str]:
    """Groups to which the host's tools cannot add members, each with the last user who wants it."""
    wanted = {account_group: "account_group"}
    for user in users:
        if user["state"] == "present":
            wanted.update(dict.fromkeys(user["unix_groups"], user["name"]))
    for group, owner in wanted.items():
        if group in host.groups and not host.groups[group].local:
            yield f"{owner}: the group {group} is not in /etc/group, so that this host cannot add members."
