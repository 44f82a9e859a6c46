# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and links that take their place in one step, so that nobody reads half of one. All raise OSError."""

from __future__ import annotations

import contextlib
import os


def stage(path: str, data: bytes, mode: int, group: int = -1) -> str:
    """Writes to disk, beside a path, the file that is to stand there, and returns where: `os.rename` puts it in place.

    The file never has its content without its mode and group (an id, -1 for the caller's). What an interrupted run left
    gives way; nothing is left of a failure.
    """
    draft = _free(path)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # A service that may not change owners can still write files of its own.
            if group != -1:
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        # A full disk does not say which.
        raise OSError(error.errno, error.strerror, path) from None
    return draft


def write(path: str, data: bytes, mode: int, group: int = -1) -> None:
    """Puts a file in the place of whatever file or link is there."""
    os.rename(stage(path, data, mode, group), path)


def link(target: str, path: str) -> None:
    """Puts a link in the place of whatever file or link is there."""
    draft = _free(path)
    os.symlink(target, draft)
    os.rename(draft, path)


def sync_directory(path: str) -> None:
    """Has what was put into a directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free(path: str) -> str:
    """A name beside a path; whatever file or link has it is gone."""
    draft = path + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    return draft
