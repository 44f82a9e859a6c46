"""The Unix account behind a user of the hub, and whether the hub may start a server as it."""

from __future__ import annotations

import grp
import pwd

FIRST_UID_OF_PEOPLE = 1000


class Refusal(Exception):
    """Why there is no server for a user; the hub shows the sentence to them."""

    @property
    def jupyterhub_message(self) -> str:
        return str(self)


def account_of(name: str, group: str) -> pwd.struct_passwd:
    """The account of a user.

    Raises KeyError where there is none, and Refusal where it is one of the system's, or outside of a group that is
    named: whoever chooses the name of an identity elsewhere must not become somebody else on this host.
    """
    account = pwd.getpwnam(name)
    if account.pw_uid < FIRST_UID_OF_PEOPLE:
        raise Refusal(f"The account {name} of this host belongs to the system. Ask the administrator for another name.")
    if group and not _is_member(account, group):
        raise Refusal(f"The account {name} of this host is not for the hub. Ask the administrator to list you as user.")
    return account


def _is_member(account: pwd.struct_passwd, group: str) -> bool:
    try:
        entry = grp.getgrnam(group)
    except KeyError:
        return False
    return account.pw_gid == entry.gr_gid or account.pw_name in entry.gr_mem


def creation(name: str, group: str) -> list[str]:
    """The command that makes an account for a user: systemd runs it, because the hub may not write to /etc or /home."""
    useradd = ["/usr/sbin/useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash"]
    # By this comment the module jupyterhub_users knows the account for one that it may lock and remove.
    useradd += ["--comment", f"made by nbops.jupyter for {group}", "--groups", group] if group else []
    return ["systemd-run", "--quiet", "--wait", "--collect", "--pipe", *useradd, "--", name]
