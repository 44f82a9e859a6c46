# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that root owns, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic

MODE = 0o644


def is_plain(path: str) -> bool:
    """Whether there is nothing at the path, or a regular file."""
    return not os.path.lexists(path) or stat.S_ISREG(os.lstat(path).st_mode)


def is_protected(path: str) -> bool:
    """Whether only root can change the file, and everybody can read it. Raises OSError."""
    status = os.lstat(path)
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, MODE)


def write(path: str, text: str) -> None:
    """Writes a file in one step, and creates its directory. Raises OSError."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    atomic.write(path, text.encode(), MODE)


def remove(path: str) -> None:
    """Removes a file, and the directory of a drop-in if it is empty then. Raises OSError."""
    os.unlink(path)
    folder = os.path.dirname(path)
    if folder.endswith(".d"):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def modification_time(path: str) -> float:
    """When a file, or the link itself, was last changed, in seconds since 1970; minus infinity if there is none."""
    try:
        return os.lstat(path).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return float("-inf")
