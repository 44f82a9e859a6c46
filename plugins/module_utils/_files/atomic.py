# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes files and links in one step, so that nobody reads half of one. All functions raise OSError."""

from __future__ import annotations

import contextlib
import errno
import os

_ADVICE = {
    errno.ENOSPC: "Its file system is full: make room (df -h{0}; df -i{0}), then run again.",
    errno.EDQUOT: "The quota there is used up: make room or raise it (quota --verbose), then run again.",
    errno.EROFS: "Its file system is read-only: dmesg says why; then mount -o remount,rw it, and run again.",
}


def explained(error: Exception) -> str:
    """An error as a text, with what to do about it where a file system is full or read-only."""
    # A WriteError says it by itself.
    if not isinstance(error, OSError) or isinstance(error, WriteError) or error.errno not in _ADVICE:
        return str(error)
    return f"{error}. {_advice(error)}"


def _advice(error: OSError) -> str:
    return _ADVICE[error.errno].format(f" {os.path.dirname(error.filename)}" if error.filename else "")


class WriteError(OSError):
    """A file could not be written; the text says what to do about it."""

    def __str__(self) -> str:
        return f"{super().__str__()}. {_advice(self)}"


def stage(path: str, data: bytes, mode: int, group: int = -1) -> str:
    """Writes a file beside a path and returns the file's own path; `os.rename` puts it in place.

    The file has its mode and group (an id, -1 for the caller's) before it has its content. A file that an interrupted
    run left is replaced; after a failure no file is left.
    """
    draft = _free(path)
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # An unprivileged service cannot change groups, but needs no other group either.
            if group != -1:
                os.fchown(file.fileno(), -1, group)
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        # The error of a full disk has no path. Of the others, the number chooses the class.
        kind = WriteError if error.errno in _ADVICE else OSError
        raise kind(error.errno, error.strerror, path) from None
    return draft


def write(path: str, data: bytes, mode: int, group: int = -1) -> None:
    """Writes a file, which replaces any file or link at the path."""
    os.rename(stage(path, data, mode, group), path)


def link(target: str, path: str) -> None:
    """Creates a link, which replaces any file or link at the path."""
    draft = _free(path)
    os.symlink(target, draft)
    os.rename(draft, path)


def sync_directory(path: str) -> None:
    """Makes sure that renamed files in a directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _free(path: str) -> str:
    """A path beside another one; a file or link there is removed."""
    draft = path + ".new"
    # A read-only file system refuses to remove even what is not there.
    if os.path.lexists(draft):
        os.unlink(draft)
    return draft
