"""The Unix account behind a user of the hub: whether the hub may start a server as it, and whether it is listed."""

from __future__ import annotations

import grp
import pathlib
import pwd
import time

FIRST_UID_OF_PEOPLE = 1000
SHADOW = pathlib.Path("/etc/shadow")


class Refusal(Exception):
    """Why there is no server for a user; the hub shows the sentence to them."""

    @property
    def jupyterhub_message(self) -> str:
        return str(self)


def account_of(name: str, group: str) -> pwd.struct_passwd:
    """The account of a user.

    Raises KeyError where there is none, and Refusal where it is one of the system's, has expired, or is neither in a
    group that is named nor made for it: whoever chooses the name of an identity elsewhere must not become somebody
    else on this host.
    """
    account = pwd.getpwnam(name)
    if account.pw_uid < FIRST_UID_OF_PEOPLE:
        raise Refusal(f"The account {name} of this host belongs to the system. Ask the administrator for another name.")
    if group and not (_is_member(account, group) or account.pw_gecos.partition(",")[0] == _comment(group)):
        raise Refusal(f"The account {name} of this host is not for the hub. Ask the administrator to list you as user.")
    expires = _secrets(name)[1]
    if expires and int(expires) * 86400 <= time.time():
        raise Refusal(f"The account {name} of this host has expired. Ask the administrator.")
    return account


def is_listed(name: str, group: str) -> bool:
    """Whether the administrator lists a user; the module jupyterhub_users has the accounts of these in the group."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return False
    return account.pw_uid >= FIRST_UID_OF_PEOPLE and _is_member(account, group)


def password_hash(name: str) -> str:
    """The hash of an account's password as /etc/shadow has it; empty where there is none."""
    return _secrets(name)[0]


def _secrets(name: str) -> tuple[str, str]:
    """Hash and day of expiry of an account of this host."""
    for line in SHADOW.read_text(errors="surrogateescape").splitlines():
        fields = line.split(":")
        if fields[0] == name and len(fields) == 9:
            return fields[1], fields[7]
    return "", ""


def _is_member(account: pwd.struct_passwd, group: str) -> bool:
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        return False
    return account.pw_gid == entry.gr_gid or account.pw_name in entry.gr_mem


def creation(name: str, group: str) -> list[str]:
    """The command that makes an account for a user: systemd runs it, because the hub may not write to /etc or /home.

    It is not in the group: who was let in by a rule is not listed.
    """
    useradd = ["/usr/sbin/useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash"]
    useradd += ["--comment", _comment(group)] if group else []
    return ["systemd-run", "--quiet", "--wait", "--collect", "--pipe", *useradd, "--", name]


def _comment(group: str) -> str:
    """By this the module jupyterhub_users knows the account for one that it may lock and remove."""
    return f"made by nbops.jupyter for {group}"
