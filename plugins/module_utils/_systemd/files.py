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


def read(path: str) -> str | None:
    """The text of a file, None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def is_plain(path: str) -> bool:
    """Whether the path is free or holds an ordinary file, no link or folder."""
    return not os.path.lexists(path) or stat.S_ISREG(os.lstat(path).st_mode)


def is_protected(path: str) -> bool:
    """Whether root alone can change the file, and everybody can read it."""
    status = os.lstat(path)
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, MODE)


def write(path: str, text: str) -> None:
    """Put a file in its place in one step, so that nobody ever reads half of it."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    atomic.write(path, text.encode(), MODE)


def remove(path: str) -> None:
    """Remove a file, and the folder of a drop-in when nothing else stands there."""
    os.unlink(path)
    folder = os.path.dirname(path)
    if folder.endswith(".d"):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def modification_time(path: str) -> float:
    """When a file, or the link itself, was last changed, in seconds; minus infinity when there is none."""
    try:
        return os.lstat(path).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return float("-inf")
