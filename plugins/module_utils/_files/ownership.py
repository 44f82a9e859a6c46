# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that no other account can change a directory, and takes back one that another was given."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat

# Writing for others, and running with the owner's rights.
_TAKEN = stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID


def require_own(path: str) -> None:
    """Raises ValueError if an account other than root and the running one could replace what is at a path.

    The members of a group that may write are others, too.
    """
    path = os.path.realpath(path)
    while True:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(path)
            writable = status.st_mode & stat.S_IWOTH
            # Debian has directories of the group staff, in which nobody is.
            writable = writable or (status.st_mode & stat.S_IWGRP and _has_others(status.st_gid))
            if (writable and not status.st_mode & stat.S_ISVTX) or status.st_uid not in (0, os.geteuid()):
                raise ValueError(
                    f"{path} is in the hands of other accounts: run `chown root {path}; chmod go-w {path}`"
                )
        if path == "/":
            return
        path = os.path.dirname(path)


def _has_others(gid: int) -> bool:
    """Whether a group has members, by its list or by their accounts, other than root and the running one."""
    own, accounts = {0, os.geteuid()}, pwd.getpwall()
    if any(account.pw_gid == gid and account.pw_uid not in own for account in accounts):
        return True
    try:
        members = grp.getgrgid(gid).gr_mem
    except KeyError:
        # Nobody knows who is in it.
        return True
    return not {account.pw_name for account in accounts if account.pw_uid in own}.issuperset(members)


def take_back(directory: str, enters: bool = True) -> int:
    """Makes a tree the running account's, for nobody else to write or run with its rights; returns its size in bytes.

    No process of those whom it was given to runs any more, and nobody else can change what is above it. Raises
    ValueError where the account `enters` the tree later, and something that others left there could lead it elsewhere:
    a link out of the tree, or what is neither a file nor a directory.
    """
    own, inside = (os.geteuid(), os.getegid()), os.path.realpath(directory)
    size = _take(directory, own, inside if enters else "")
    # A directory comes before what is in it, so that nobody changes it while it is looked at.
    for folder, folders, files in os.walk(directory):
        size += sum(_take(os.path.join(folder, name), own, inside if enters else "") for name in (*folders, *files))
    return size


def _take(path: str, own: tuple[int, int], inside: str) -> int:
    status = os.lstat(path)
    if inside and status.st_uid != own[0]:
        _require_harmless(path, status.st_mode, inside)
    if (status.st_uid, status.st_gid) != own:
        os.chown(path, *own, follow_symlinks=False)
    if status.st_mode & _TAKEN and not stat.S_ISLNK(status.st_mode):
        os.chmod(path, stat.S_IMODE(status.st_mode) & ~_TAKEN)
    return status.st_size


def _require_harmless(path: str, mode: int, inside: str) -> None:
    if stat.S_ISLNK(mode):
        if os.path.commonpath([inside, os.path.realpath(path)]) != inside:
            raise ValueError(f"{path} is a link to {os.readlink(path)}, which is outside of {inside}")
    elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise ValueError(f"{path} is neither a file nor a directory")
