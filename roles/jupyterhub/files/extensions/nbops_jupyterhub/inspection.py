"""Says of an account whether its home may be shown to a server, and whether sudo lets it run anything.

    python -m nbops_jupyterhub.inspection [--may-be-privileged] [--directory=PATH --group=NAME] [--path=PATH]... -- NAME

An account that may have a server gets the directory of its socket, if one is named. Paths that its server needs are
said where they are missing: systemd would start nothing. It runs outside of the hub's sandbox, which hides homes and
has neither the right that sudo needs nor that to give files away.
"""

from __future__ import annotations

import argparse
import contextlib
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import stat
import subprocess
import sys

from nbops_jupyterhub.accounts import inspected_problem
from nbops_jupyterhub.people import is_person

PASSWD = pathlib.Path("/etc/passwd")
# The setgid bit gives the socket the directory's group; nobody else may enter.
DIRECTORY_MODE = 0o2710
PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin"
# What a property of a unit takes as it is: a colon separates paths there, and a percent sign begins a specifier.
_PATH = re.compile(r"/[A-Za-z0-9_.@+/-]+")


def home_problem(account: pwd.struct_passwd) -> str:
    """What is wrong with a home, as the end of a sentence; empty where it may be shown to the account's server.

    The sandbox shows nothing of the homes but this one, so a directory that holds other homes would undo it.
    """
    home = account.pw_dir
    if not _PATH.fullmatch(home) or ".." in home.split("/"):
        return "is no absolute path of letters, digits and . _ @ + -"
    real = os.path.realpath(home)
    if not os.path.isdir(real):
        return f"is missing: {home}"
    # So is every directory of the system.
    if os.stat(real).st_uid != account.pw_uid:
        return f"belongs to somebody else: {home}"
    if any(_is_anothers(parent, account.pw_uid) for parent in pathlib.Path(real).parents):
        return f"lies in a directory of somebody else: {home}"
    inside = [name for name, other in _other_homes(account) if _is_below(os.path.realpath(other), real)]
    return f"holds the home of {inside[0]} too: {home}" if inside else ""


def _is_anothers(directory: pathlib.Path, uid: int) -> bool:
    """Whether another person can put something else in the place of what is in a directory."""
    found = directory.stat()
    is_open = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
    return bool(is_open) or (is_person(found.st_uid) and found.st_uid != uid)


def _other_homes(account: pwd.struct_passwd) -> list[tuple[str, str]]:
    """Names and homes of other people with accounts of this host; a directory is not asked for all of its people."""
    found = []
    for line in PASSWD.read_text(errors="surrogateescape").splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[2].isdecimal() and is_person(int(fields[2])):
            found.append((fields[0], int(fields[2]), fields[5]))
    return [(name, home) for name, uid, home in found if uid != account.pw_uid]


def _is_below(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory.rstrip('/')}/")


def may_use_sudo(name: str) -> bool | None:
    """Whether sudo lets an account run anything; None where it does not say."""
    sudo = shutil.which("sudo", path=PROGRAMS)
    if sudo is None:
        return False
    command = [sudo, "--list", "--other-user", name]
    environment = {"LC_ALL": "C", "PATH": PROGRAMS}
    # sudo fails for who may run nothing, too: what it says counts, not its status.
    done = subprocess.run(  # noqa: S603 (no shell)
        command, env=environment, capture_output=True, text=True, check=False
    )
    return meaning(done.stdout, done.stderr)


def meaning(listing: str, complaint: str = "") -> bool | None:
    """What `sudo --list` says, see may_use_sudo. sudo-rs complains to root about an account without any rule."""
    if re.search(r"^User \S+ may run the following commands", listing, re.MULTILINE):
        return True
    is_none = re.search(r"^User \S+ is not allowed to run sudo", listing, re.MULTILINE)
    is_none = is_none or re.match(r"sudo-rs: Sorry, user root is not allowed to execute 'list' as \S", complaint)
    return False if is_none else None


def make_socket_directory(directory: str, owner: int, group: str) -> None:
    """Makes the directory of a socket, or gives the one that is there its owner, group and mode again.

    The parent is root's, so that nobody can put a link in its place. Raises OSError, and KeyError for a group that is
    not on this host.
    """
    make_directory(directory, owner, grp.getgrnam(group).gr_gid, DIRECTORY_MODE)


def make_directory(path: str, owner: int, group: int, mode: int) -> None:
    """Makes a directory whose parent is root's, or gives it its owner, group and mode again."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    os.chown(path, owner, group, follow_symlinks=False)
    os.chmod(path, mode)


def main(arguments: list[str]) -> int:
    """Prints what it found as JSON, or fails where a directory could not be made."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--may-be-privileged", action="store_true")
    parser.add_argument("--directory", default="")
    parser.add_argument("--group", default="")
    parser.add_argument("--path", action="append", default=[])
    parser.add_argument("name")
    asked = parser.parse_args(arguments)
    account = pwd.getpwnam(asked.name)
    home, sudo = home_problem(account), may_use_sudo(asked.name)
    if asked.directory and not inspected_problem(asked.name, home, sudo, asked.may_be_privileged):
        make_socket_directory(asked.directory, account.pw_uid, asked.group)
    missing = [path for path in asked.path if not os.path.lexists(path)]
    print(json.dumps({"home": home, "sudo": sudo, "missing": missing}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
