# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says why declared users of a hub cannot be established, as messages for people. No message shows a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    GROUP,
    HASH,
    NAME,
    PERSON,
    PRIVILEGED_GROUPS,
    UNIT,
    Account,
    Host,
    is_ours,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.passwords import is_password
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person


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
    elif accounts and (not PERSON.fullmatch(name) or UNIT.fullmatch(name)):
        yield (
            f"{name!r}: is no name of a Unix account; write small letters, digits and _ . @ + - \\, 255 at most, a "
            "letter, a digit or _ first, and none of a unit, such as bob.service."
        )


def _value_problems(user: dict, manage_groups: bool, manage_admins: bool) -> Iterator[str]:
    name = user["name"]
    if user["password_hash"] and not HASH.fullmatch(user["password_hash"]):
        yield f"{name}: password_hash is no hash in the form of crypt(5), such as mkpasswd writes it."
    if user["password"] and user["password_hash"]:
        yield f"{name}: has both password and password_hash; keep one."
    if user["password"] and not is_password(user["password"]):
        yield f"{name}: a password has at least 8 characters, none of them a control character, and no blank around it."
    if user["groups"] and not manage_groups and user["state"] == "present":
        yield f"{name}: has groups, but the authenticator manages them; leave them out."
    if user["admin"] and not manage_admins:
        yield f"{name}: is an admin, but the authenticator says who is one; leave it out."
    if not all(user["groups"]):
        yield f"{name}: a group of the hub has no name."


def _account_problems(user: dict, accounts: bool) -> Iterator[str]:
    name = user["name"]
    if not accounts:
        for key in ("unix_groups", "password", "password_hash"):
            if user[key]:
                yield f"{name}: {key} is for accounts, which are not managed here (accounts)."
    for group in user["unix_groups"]:
        if not GROUP.fullmatch(group):
            yield f"{name}: {group!r} is no name of a Unix group."


def host_problems(
    users: list[dict],
    host: Host,
    account_group: str,
    home_of: Callable[[str], str],
    path_exists: Callable[[str], bool],
    home_problem: Callable[[Account], str],
) -> list[str]:
    """What keeps these users from having accounts on this host, and servers as them.

    `home_of` returns the path of a new account's home, `home_problem` why the home of an account is none for a server.
    """
    found = []
    for user in users:
        account = host.accounts.get(user["name"])
        if account and not is_person(account.uid):
            found.append(f"{user['name']}: is an account of the system (uid {account.uid}), which is no user of a hub.")
        if user["state"] == "absent":
            continue
        if account is None:
            found += _new_account_problems(user["name"], host, home_of(user["name"]), path_exists)
        else:
            found += _password_problems(user, account)
            if is_person(account.uid) and (problem := home_problem(account)):
                found.append(
                    f"{user['name']}: has no home for a server: {problem}. Give the account a home of its own."
                )
    return [*found, *_group_problems(users, host, account_group)]


def _new_account_problems(name: str, host: Host, home: str, path_exists: Callable[[str], bool]) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield (
            f"{name}: this host knows no such account, and none is made under such a name: new ones have small "
            "letters, digits, '_', '-' and '.', 32 at most, a letter first. Connect the host to the directory that "
            f"has the account, so that `id {name}` shows it, or take another name."
        )
        return
    if name in host.groups:
        yield f"{name}: there is a group of this name, but no account; rename it, or make the account."
    if path_exists(home):
        yield (
            f"{name}: {home} is there, but no account. Move it away, or give it to a new account: "
            f"useradd --no-create-home {name}; chown --recursive {name}: {home}"
        )


def _password_problems(user: dict, account: Account) -> Iterator[str]:
    for key in ("password", "password_hash"):
        if not account.local and user[key]:
            yield f"{account.name}: has its password elsewhere, not in /etc/shadow; leave {key} out."


def _group_problems(users: list[dict], host: Host, account_group: str) -> Iterator[str]:
    """Groups to which the host's tools cannot add members, each with the last user who wants it."""
    wanted = {account_group: "account_group"}
    for user in users:
        if user["state"] == "present":
            wanted.update(dict.fromkeys(user["unix_groups"], user["name"]))
    for group, owner in wanted.items():
        if group in host.groups and not host.groups[group].local:
            yield f"{owner}: the group {group} is not in /etc/group, so that this host cannot add members."


def privilege_problems(users: list[dict], host: Host, account_group: str) -> list[str]:
    """Users whose accounts may become root, and with them whoever enters their servers."""
    found, memberships = [], host.groups_of()
    for user in users:
        account = host.accounts.get(user["name"])
        groups = set(user["unix_groups"])
        if account:
            groups |= {group.name for group in host.groups.values() if group.gid == account.gid}
            # Our accounts leave the groups that are not declared.
            groups |= set() if is_ours(account, account_group) else memberships.get(account.name, set())
        dangerous = [group for group in PRIVILEGED_GROUPS if group in groups]
        if user["state"] == "present" and dangerous:
            found.append(
                f"{user['name']}: may become root of this host by the group {dangerous[0]}, and with the account "
                "whoever enters its server; name another account, take it out of the group, or allow it by "
                "privileged_groups, which the role has in jupyterhub_accept_risks."
            )
    return found
