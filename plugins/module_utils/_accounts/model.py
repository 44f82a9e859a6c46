# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unix accounts and groups of a host, and a plan of their changes. `host.py` reads them and carries out the plan."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

# All tools of the host accept such a name, and a hub, which writes names in lower case, does not change it.
NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
# What a directory may call an account, and of that what systemd takes for a unit. The hub refuses other names, too.
PERSON = re.compile(r"[a-z0-9_][a-z0-9_.@+\\-]{0,254}")
UNIT = re.compile(r".*\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope|snapshot|busname)")
GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
# The account of a visit (role probe), which is there for as long as that lasts.
PROBE = "nbops-probe"
# A password that is not hashed, the likeliest mistake, does not match. Neither does a text with several lines.
HASH = re.compile(r"\$[0-9a-z]+\$[!-9;-~]{8,}")
# Whose members may become root of the host, or read what root alone should.
PRIVILEGED_GROUPS = (
    # By a rule that the distribution ships for sudo and polkit; `admin` was Ubuntu's, `wheel` is what su may ask for.
    *("root", "sudo", "wheel", "admin"),
    # By disks and memory, by hashes of passwords to guess, by logs with the addresses of sessions in them.
    *("disk", "kmem", "shadow", "adm"),
    # By programs for root: the group may write to /usr/local, the first in root's PATH.
    "staff",
    # By a daemon of root that starts containers or machines with any directory of the host in them. Of incus, only
    # settings of a project stand between the group and that; podman's is what guides call the group of root's socket.
    *("docker", "podman", "lxd", "incus", "incus-admin", "libvirt", "microk8s"),
)
# An account that we lock expires on the second day of 1970, a date that nobody else writes into /etc/shadow.
EXPIRED = "1"
# What a home is called while it is removed.
REMOVED = ".removed"


@dataclass(frozen=True)
class Account:
    """A line of /etc/passwd with the fields of /etc/shadow. An account from elsewhere, such as LDAP, is not local.

    `shadow` is the password hash, `expires` the days since 1970 as text, empty for never.
    """

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
        """Whether we have locked it."""
        return self.expires == EXPIRED and self.shadow.startswith("!")


@dataclass(frozen=True)
class Group:
    """A line of /etc/group. A group from elsewhere, such as LDAP, is not local."""

    name: str
    gid: int
    members: tuple[str, ...] = ()
    local: bool = True


@dataclass(frozen=True)
class Host:
    """Accounts and groups by their names: all local ones, and those from elsewhere that were asked for."""

    accounts: dict[str, Account]
    groups: dict[str, Group]

    def groups_of(self) -> dict[str, set[str]]:
        """The groups of every account by its name, without its primary group."""
        found: dict[str, set[str]] = {}
        for group in self.groups.values():
            for member in group.members:
                found.setdefault(member, set()).add(group.name)
        return found


@dataclass(frozen=True)
class AccountPlan:
    """The changes of accounts, by the names of accounts; `join` and `leave` by the names of groups."""

    # Groups to create, and whether they are system groups.
    groups: dict[str, bool] = field(default_factory=dict)
    # Accounts to create, with the groups that useradd gives them.
    create: dict[str, list[str]] = field(default_factory=dict)
    # Accounts that get a home.
    homes: list[str] = field(default_factory=list)
    unlock: list[str] = field(default_factory=list)
    # Password hashes.
    passwords: dict[str, str] = field(default_factory=dict)
    join: dict[str, list[str]] = field(default_factory=dict)
    leave: dict[str, list[str]] = field(default_factory=dict)
    lock: list[str] = field(default_factory=list)
    # Accounts whose homes are removed, and whether these are packed first. The accounts stay, locked.
    remove: dict[str, bool] = field(default_factory=dict)

    def created(self) -> list[str]:
        """Accounts that are new."""
        return list(self.create)

    def changed(self) -> list[str]:
        """Accounts that exist before and after, and change."""
        moved = [name for groups in (self.join, self.leave) for names in groups.values() for name in names]
        names = dict.fromkeys([*self.homes, *self.unlock, *self.passwords, *moved, *self.lock])
        return [name for name in names if name not in self.create and name not in self.remove]

    def groups_after(self, groups_of: dict[str, set[str]]) -> dict[str, set[str]]:
        """The groups of every account after the changes, from those before."""
        found = {name: set(groups) for name, groups in groups_of.items()}
        for name, groups in self.create.items():
            found.setdefault(name, set()).update(groups)
        for group, names in self.join.items():
            for name in names:
                found.setdefault(name, set()).add(group)
        for group, names in self.leave.items():
            for name in names:
                found.setdefault(name, set()).discard(group)
        return found


def is_there(account: Account, path_exists: Callable[[str], bool]) -> bool:
    """Whether something is left to do for an account that leaves with its home.

    The account itself stays, locked: nobody else gets its uid, and with it the files that it has elsewhere.
    """
    return not account.retired or path_exists(account.home) or path_exists(beside(account.home, REMOVED))


def beside(home: str, suffix: str) -> str:
    """A hidden path beside a home, for a home that is made or removed."""
    directory, _slash, name = home.rpartition("/")
    return f"{directory}/.{name}{suffix}"


def mark(account_group: str) -> str:
    """The comment of accounts that are ours. Only root can write it into the first field of an account's comment."""
    return f"made by nbops.jupyter for {account_group}"


def is_ours(account: Account, account_group: str) -> bool:
    """Whether this collection created the account for a hub with this group, or for another purpose."""
    return account.local and account.comment.partition(",")[0] == mark(account_group)


def parse(passwd: str, shadow: str, group: str) -> Host:
    """The host from the texts of /etc/passwd, /etc/shadow and /etc/group. Malformed lines are left out."""
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
