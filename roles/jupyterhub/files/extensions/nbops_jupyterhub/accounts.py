"""The Unix account behind a user of the hub: whether it is listed, and whether the hub may start a server as it."""

from __future__ import annotations

import grp
import json
import os
import pathlib
import pwd
import sys
import time
from collections.abc import Collection

from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.people import is_person

SHADOW = pathlib.Path("/etc/shadow")


class AccountError(StartError):
    """Why an account has no server. A hub takes it for no failure of its own, after some of which it would end."""

    status = 403


def require_person(account: pwd.struct_passwd, name: str) -> None:
    """Raises AccountError where an account is the system's, has expired, or is another user's as well."""
    if not is_person(account.pw_uid):
        raise AccountError(
            f"The account {name} of this host belongs to the system. Ask the administrator for another name."
        )
    # A directory may answer to several names of an account; the hub would take them for several people.
    if account.pw_name.lower() != name.lower() or pwd.getpwuid(account.pw_uid).pw_name != account.pw_name:
        raise AccountError(f"The account {name} of this host has another name too. Ask the administrator for that one.")
    expires = _secrets(name)[1]
    if expires and int(expires) * 86400 <= time.time():
        raise AccountError(f"The account {name} of this host has expired. Ask the administrator.")


def privilege(account: pwd.struct_passwd, privileged_groups: Collection[str]) -> str:
    """The first of these groups that an account is in, as its own group or as a member; empty where it is in none."""
    ids = set(os.getgrouplist(account.pw_name, account.pw_gid))
    return next((group for group in privileged_groups if _gid(group) in ids), "")


def is_listed(name: str, group: str) -> bool:
    """Whether the administrator lists a user; the module jupyterhub_users has the accounts of these in the group."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return False
    return is_person(account.pw_uid) and _is_member(account, group)


def is_made(name: str, group: str) -> bool:
    """Whether the hub made the account of a user, whom the authenticator let in."""
    try:
        return pwd.getpwnam(name).pw_gecos.partition(",")[0] == _comment(group)
    except KeyError:
        return False


def uid_of(name: str) -> int | None:
    """The uid of the account of exactly this name."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


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


def _gid(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def creation(name: str, group: str) -> list[str]:
    """The command that makes an account for a user: systemd runs it, because the hub may not write to /etc or /home.

    It is not in the group: who was let in by a rule is not listed.
    """
    useradd = ["/usr/sbin/useradd", "--create-home", "--key", "HOME_MODE=0700", "--shell", "/bin/bash"]
    return [*OUTSIDE, *useradd, "--comment", _comment(group), "--", name]


def inspection(
    name: str, may_be_privileged: bool, directory: str, group: str, paths: Collection[str] = ()
) -> list[str]:
    """The command that looks at what the hub's sandbox hides of an account, and then makes a directory for its socket.

    It is one command, because systemd takes a part of every start to run one. `directory` is empty where none is
    needed; `group` enters it beside the account. `paths` are those that have to be there.
    """
    options = [
        *(["--may-be-privileged"] if may_be_privileged else []),
        *([f"--directory={directory}", f"--group={group}"] if directory else []),
        *(f"--path={path}" for path in paths),
    ]
    return [*OUTSIDE, sys.executable, "-I", "-m", "nbops_jupyterhub.inspection", *options, "--", name]


# How systemd runs what the hub's sandbox does not allow, and waits for its end.
OUTSIDE = ("systemd-run", "--quiet", "--wait", "--collect", "--pipe")


def require_inspected(name: str, answer: bytes, may_be_privileged: bool) -> None:
    """Raises AccountError for what the inspection found, and where it has no answer."""
    try:
        found = json.loads(answer)
        home, sudo, missing = found["home"], found["sudo"], found.get("missing", [])
    except (ValueError, KeyError, TypeError):
        raise AccountError(f"The account {name} of this host could not be looked at. Ask the administrator.") from None
    if problem := inspected_problem(name, home, sudo, may_be_privileged):
        raise AccountError(problem)
    if missing:
        raise AccountError(
            f"This host lacks {', '.join(missing)}, to which servers of this hub have access. Ask the administrator."
        )


def inspected_problem(name: str, home: str, sudo: bool | None, may_be_privileged: bool) -> str:
    """Why an account has no server, for what its home and sudo say; empty where it may have one."""
    if home:
        return f"The home of {name} {home}. Ask the administrator to give the account a home of its own."
    if may_be_privileged or sudo is False:
        return ""
    if sudo is None:
        return f"Whether {name} may become root could not be found out. Ask the administrator."
    return privileged(name, "sudo lets it run commands as others")


def privileged(name: str, why: str) -> str:
    """The sentence for an account that may become root."""
    return (
        f"The account {name} may become root of this host ({why}), and whoever enters its server with it. Ask the "
        "administrator for another account."
    )


def _comment(group: str) -> str:
    """By this the module jupyterhub_users knows the account for one that it may lock and remove."""
    return f"made by nbops.jupyter for {group}"
