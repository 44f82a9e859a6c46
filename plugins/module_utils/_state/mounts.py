# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a program that goes by paths read directories of people, whatever links they put in its way meanwhile.

restic looks at a directory, and then opens what is in it by its path. Where a person puts a link in the directory's
place in between, it would read what the link leads to. On a mount with the flag nosymfollow Linux follows no link.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath

# Of sched.h, sys/mount.h, linux/mount.h, linux/fcntl.h, linux/prctl.h and linux/capability.h; the number of the call is
# the same on every processor.
_MOUNT_SETATTR = 442
_MOUNT_ATTR_NOSYMFOLLOW = 0x00200000
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 1 << 19
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_CAPBSET_DROP = 24
# CAP_SYS_ADMIN, without which nobody mounts, and CAP_SETPCAP, without which nobody gives up rights of programs.
_RIGHTS = (21, 8)

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    """`struct mount_attr`, see mount_setattr(2)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd"))


def follow_no_links(paths: Iterable[str]) -> None:
    """From now on this process, and what it starts, follows no link below paths; the host does as before.

    Where others than root can change the way to a path, it begins there. Missing paths are passed over. Raises OSError.
    """
    _require(_libc.unshare(_CLONE_NEWNS), "the mounts of this process")
    _require(_libc.mount(None, b"/", None, ctypes.c_ulong(_MS_SLAVE | _MS_REC), None), "/")
    for path in sorted(set(paths)):
        with beneath.last_place(path) as found:
            if found.holder is None and (found.rest or found.status() is None):
                continue
            name = "." if found.holder is not None else found.name
            directory = os.open(name, os.O_PATH | os.O_DIRECTORY | beneath.NO_LINK, dir_fd=found.directory)
            try:
                _close_links(f"/proc/self/fd/{directory}".encode(), path)
            finally:
                os.close(directory)


def _close_links(directory: bytes, path: str) -> None:
    _require(_libc.mount(directory, directory, None, ctypes.c_ulong(_MS_BIND | _MS_REC), None), path)
    # The open directory is below the mount. By its path, the mount on it is found.
    place = os.readlink(directory)
    wanted = _MountAttributes(attr_set=_MOUNT_ATTR_NOSYMFOLLOW)
    call = (_MOUNT_SETATTR, _AT_FDCWD, place, _AT_RECURSIVE, ctypes.byref(wanted), ctypes.sizeof(wanted))
    _require(_libc.syscall(*call), path)


def give_up_rights() -> None:
    """No program that is started from now on may mount. Raises OSError."""
    for right in _RIGHTS:
        _require(_libc.prctl(_PR_CAPBSET_DROP, right, 0, 0, 0), "the rights of this process")


def _require(result: int, path: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
