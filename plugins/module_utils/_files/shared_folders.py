# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that groups share: whatever the umask of its maker, a file there is the groups' to write or to read.

Everything inside is people's, who change it at any moment: root goes from open directory to open directory and follows
no link. No directory has the setgid bit: the sandbox lets nobody copy such a directory.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._files import acl, beneath

OPEN_MODE, CLOSED_MODE = 0o770, 0o700
# Directories in each other, each of which is open while the next is looked at.
DEEPEST = 100


@dataclass(frozen=True)
class Folder:
    """A directory and the list of those who share it; without one, it is closed to all but root."""

    path: str
    acl: bytes = b""


def real_path(path: str) -> str:
    """Where a folder is or will be, without links of root's in the way.

    Raises ValueError where others than root can change the way, or it is a link or no directory, and OSError.
    """
    with _place(path) as found:
        return os.path.join(found.path, *found.rest)


def exists(path: str) -> bool:
    """Whether the folder is there. Raises as `real_path`."""
    with _place(path) as found:
        return not found.rest and found.status() is not None


def is_right(folder: Folder) -> bool:
    """Whether a folder that exists is as it should be. What is inside is right then, too: it comes first."""
    with _opened(folder.path) as directory:
        status = os.fstat(directory)
        mode = OPEN_MODE if folder.acl else CLOSED_MODE
        # By the default list of a closed one nobody enters.
        lists = (acl.ACCESS, acl.DEFAULT) if folder.acl else (acl.ACCESS,)
        return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, mode) and all(
            acl.get(directory, kind) == folder.acl for kind in lists
        )


def make(path: str) -> None:
    """Makes what is missing of a directory, for root alone to change. Raises as `real_path`."""
    while not exists(path):
        with _place(path) as found:
            beneath.make_directory(found)


def establish(folder: Folder) -> list[str]:
    """Opens or closes a folder that exists; returns the paths inside that were left alone, which have a second name.

    Raises ValueError where the file system keeps no lists, or directories are too deep, and OSError.
    """
    with _opened(folder.path) as directory:
        os.fchown(directory, 0, 0)
        if not folder.acl:
            acl.put(directory, acl.ACCESS, b"")
            os.fchmod(directory, CLOSED_MODE)
            return []
        try:
            # What people make meanwhile has it from its birth; the folder itself comes last, as the mark of the end.
            acl.put(directory, acl.DEFAULT, folder.acl)
            left = list(_share_inside(directory, folder.path, folder.acl, os.fstat(directory).st_dev))
            os.fchmod(directory, OPEN_MODE)
            acl.put(directory, acl.ACCESS, folder.acl)
        except ValueError as error:
            raise ValueError(f"{folder.path}: {error}.") from None
        return left


@contextlib.contextmanager
def _place(path: str) -> Iterator[beneath.Place]:
    with beneath.last_place(path, follow=False) as found:
        if found.holder is not None:
            raise ValueError(
                f"{path}: others than root can change {os.path.dirname(found.path)}; choose a place below a directory "
                "of root's, such as /srv."
            )
        status = None if found.rest else found.status()
        if status is not None and not stat.S_ISDIR(status.st_mode):
            raise ValueError(f"{path} is a link or no directory; name the directory itself.")
        yield found


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    with _place(path) as found:
        directory = os.open(found.name, os.O_RDONLY | os.O_DIRECTORY | beneath.NO_LINK, dir_fd=found.directory)
    try:
        yield directory
    finally:
        os.close(directory)


def _share_inside(directory: int, path: str, wanted: bytes, device: int, depth: int = 0) -> Iterator[str]:
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} directories lie in each other; move the deepest away")
    for name in os.listdir(directory):
        try:
            # Only looked at: to open a pipe or a device would do something.
            here = os.open(name, os.O_PATH | beneath.NO_LINK, dir_fd=directory)
        except FileNotFoundError:
            continue
        try:
            status = os.fstat(here)
            if stat.S_ISDIR(status.st_mode):
                # Another file system is somebody else's; the device of a file says nothing where layers make one.
                if status.st_dev != device:
                    continue
                inside = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
                try:
                    acl.put(inside, acl.DEFAULT, wanted)
                    _share(f"/proc/self/fd/{here}", status, wanted)
                    yield from _share_inside(inside, f"{path}/{name}", wanted, device, depth + 1)
                finally:
                    os.close(inside)
            elif stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                _share(f"/proc/self/fd/{here}", status, wanted)
            elif stat.S_ISREG(status.st_mode):
                # Under its other name it may be a file that nobody here is to reach.
                yield f"{path}/{name}"
        finally:
            os.close(here)


def _share(path: str, status: os.stat_result, wanted: bytes) -> None:
    """Lets the groups do with an open file or directory, by its path in /proc, what its owner may."""
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISGID:
        os.chmod(path, stat.S_IMODE(status.st_mode) & ~stat.S_ISGID)
    acl.put(path, acl.ACCESS, acl.with_bits(wanted, status.st_mode >> 6 & 7))
