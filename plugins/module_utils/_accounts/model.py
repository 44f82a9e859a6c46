# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Unix accounts of a hub's users, and what has to change. Pure: see `_hub_host` for how it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

# What every tool of the host takes, and what a hub, which writes names in lower case, leaves as it is.
NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
# A plain password, the likeliest mistake, does not look like this, and neither does a line of its own.
HASH = re.compile(r"\$[0-9a-z]+\$[!-9;-~]{8,}")
FIRST_UID = 1000
NOBODY = 65534
# Groups that hubs own, this one or another one of the host. An account may be in several of them.
HUB_GROUP = re.compile(r"jupyterhub(-.*)?")
# Expired on the second day of 1970: what this module writes into /etc/shadow, and people do not.
EXPIRED = "1"


@dataclass(frozen=True)
class Account:
    """A line of /etc/passwd with what /etc/shadow has to it. One from elsewhere, such as LDAP, is not local."""

    name: str
    uid: int
    gid: int
    comment: str = ""
    home: str = "/nonexistent"
    local: bool = True
    shadow: str = "!"
    expires: str = ""

    @property
    def retired(self) -> bool:
        return self.expires == EXPIRED and self.shadow.startswith("!")


@dataclass(frozen=True)
class Group:
    name: str
    gid: int
    members: tuple[str, ...] = ()
    local: bool = True


@dataclass(frozen=True)
class Host:
    """Accounts and groups by their names: all local ones, and those from elsewhere that somebody asked for."""

    accounts: dict[str, Account]
    groups: dict[str, Group]

    def groups_of(self) -> dict[str, set[str]]:
        """The groups of every account by its name, without the one that its own line gives it."""
        found: dict[str, set[str]] = {}
        for group in self.groups.values():
            for member in group.members:
                found.setdefault(member, set()).add(group.name)
        return found


@dataclass
class AccountPlan:
    # Groups to make, and whether they are system groups.
    groups: dict[str, bool] = field(default_factory=dict)
    # Accounts to make, with the groups that they get at once.
    create: dict[str, list[str]] = field(default_factory=dict)
    homes: list[str] = field(default_factory=list)
    unlock: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    join: dict[str, list[str]] = field(default_factory=dict)
    leave: dict[str, list[str]] = field(default_factory=dict)
    lock: list[str] = field(default_factory=list)
    # Accounts to remove, and whether their homes are packed first.
    remove: dict[str, bool] = field(default_factory=dict)

    def created(self) -> list[str]:
        return list(self.create)

    def changed(self) -> list[str]:
        """Accounts that were there and stay, otherwise."""
        moved = [name for groups in (self.join, self.leave) for names in groups.values() for name in names]
        names = dict.fromkeys([*self.homes, *self.unlock, *self.passwords, *moved, *self.lock])
        return [name for name in names if name not in self.create and name not in self.remove]


def mark(account_group: str) -> str:
    """The comment of accounts that are ours. Nobody but root can write it into an account's first field."""
    return f"made by nbops.jupyter for {account_group}"


def is_ours(account: Account, account_group: str) -> bool:
    return account.local and account.comment.partition(",")[0] == mark(account_group)


def parse(passwd: str, shadow: str, group: str) -> Host:
    """From the texts of the three files. Lines that other tools would not understand are left out."""
    secrets = {fields[0]: fields for fields in _lines(shadow, 9)}
    accounts = {}
    for name, _x, uid, gid, comment, home, _shell in _lines(passwd, 7):
        secret = secrets.get(name, [name, "!", *[""] * 7])
        accounts.setdefault(name, Account(name, int(uid), int(gid), comment, home, True, secret[1], secret[7]))
    groups = {}
    for name, _x, gid, members in _lines(group, 4):
        groups.setdefault(name, Group(name, int(gid), tuple(filter(None, members.split(",")))))
    return Host(accounts, groups)


def _lines(text: str, count: int) -> list[list[str]]:
    # Members of NIS ("+@staff::::::") have no numbers.
    lines = [line.split(":") for line in text.splitlines() if line[:1] not in ("+", "-", "#")]
    return [fields for fields in lines if len(fields) == count]


def input_problems(
    users: list[dict], account_group: str, accounts: bool, manage_groups: bool, manage_admins: bool = True
) -> list[str]:
    """What is wrong with the users as declared, wherever they are to be."""
    found = []
    if accounts and not GROUP.fullmatch(account_group):
        found.append(f"account_group: {account_group!r} is no name of a Unix group.")
    seen = set()
    for user in users:
        name = user["name"]
        if name in seen:
            found.append(f"{name}: is listed twice.")
        seen.add(name)
        if accounts and name == account_group:
            found.append(f"{name}: is the group of all accounts; a user needs another name.")
        if not name:
            found.append("A user has no name.")
        elif accounts and not NAME.fullmatch(name):
            found.append(
                f"{name!r}: is no name of a Unix account; write small letters, digits, '_', '-' and '.', "
                "32 at most, a letter first."
            )
        if user["password_hash"] and not HASH.fullmatch(user["password_hash"]):
            found.append(f"{name}: password_hash is no hash in the form of crypt(5), such as mkpasswd writes it.")
        if user["groups"] and not manage_groups and user["state"] == "present":
            found.append(f"{name}: has groups, but the authenticator manages them; leave them out.")
        if user["admin"] and not manage_admins:
            found.append(f"{name}: is an admin, but the authenticator says who is one; leave it out.")
        if not all(user["groups"]):
            found.append(f"{name}: a group of the hub has no name.")
        if not accounts:
            given = [key for key in ("unix_groups", "password_hash") if user[key]]
            found += [f"{name}: {key} is for accounts, which are not managed here (accounts)." for key in given]
        strange = [group for group in user["unix_groups"] if not GROUP.fullmatch(group)]
        found += [f"{name}: {group!r} is no name of a Unix group." for group in strange]
    return found


def host_problems(
    users: list[dict], host: Host, account_group: str, home_of: Callable[[str], str], exists: Callable[[str], bool]
) -> list[str]:
    """What keeps these users from having accounts on this host. `home_of` a new account is where its home will be."""
    found = []
    asked = {account_group: "account_group"}
    for user in users:
        name, account = user["name"], host.accounts.get(user["name"])
        if account and (account.uid < FIRST_UID or account.uid == NOBODY):
            found.append(f"{name}: is an account of the system (uid {account.uid}), which is no user of a hub.")
        if user["state"] == "absent":
            continue
        asked.update(dict.fromkeys(user["unix_groups"], name))
        if account and not account.local and user["password_hash"]:
            found.append(f"{name}: has its password elsewhere, not in /etc/shadow; leave password_hash out.")
        if account is None and name in host.groups:
            found.append(f"{name}: there is a group of this name, but no account; rename it, or make the account.")
        if account is None and exists(home_of(name)):
            found.append(
                f"{name}: {home_of(name)} is there, but no account. Move it away, or give it to a new account: "
                f"useradd --no-create-home {name}; chown --recursive {name}: {home_of(name)}"
            )
    for group, owner in asked.items():
        if group in host.groups and not host.groups[group].local:
            found.append(f"{owner}: the group {group} is not in /etc/group, so that this host cannot add members.")
    return found


def plan_accounts(users: list[dict], host: Host, account_group: str, exists: Callable[[str], bool]) -> AccountPlan:
    """From the users as declared and the host; `exists` tells of a path."""
    plan = AccountPlan()
    memberships = host.groups_of()
    present = [user for user in users if user["state"] == "present"]
    new = {user["name"] for user in present if user["name"] not in host.accounts}
    asked = dict.fromkeys([account_group, *(group for user in present for group in user["unix_groups"])])
    # An account brings a group of its own name.
    missing = [group for group in asked if group not in host.groups and group not in new]
    plan.groups = {group: group == account_group for group in missing}

    for user in users:
        name, account = user["name"], host.accounts.get(user["name"])
        current = memberships.get(name, set())
        ours = account is not None and is_ours(account, account_group)
        if user["state"] == "absent":
            if ours and user["home"] != "keep":
                plan.remove[name] = user["home"] == "archive"
            elif ours and not account.retired:
                plan.lock.append(name)
            if account_group in current and name not in plan.remove:
                plan.leave.setdefault(account_group, []).append(name)
            continue
        wanted = {account_group, *user["unix_groups"]}
        if account is None:
            wanted.discard(name)
            # The others come with the accounts that bring them.
            current = {group for group in wanted if group in host.groups or group in plan.groups}
            plan.create[name] = sorted(current)
            plan.homes.append(name)
        else:
            wanted = {group for group in wanted if group not in host.groups or host.groups[group].gid != account.gid}
        if ours and not exists(account.home):
            plan.homes.append(name)
        if ours and account.retired:
            plan.unlock.append(name)
        if user["password_hash"] and (account is None or account.shadow != user["password_hash"]):
            plan.passwords[name] = user["password_hash"]
        for group in sorted(wanted - current):
            plan.join.setdefault(group, []).append(name)
        if ours:
            for group in sorted(current - wanted):
                if not HUB_GROUP.fullmatch(group):
                    plan.leave.setdefault(group, []).append(name)
    return plan
