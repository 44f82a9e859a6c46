# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets one process at a time read, decide and write: two controllers may run a playbook against a host at once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator

DIRECTORY = "/run"  # in memory, and in root's hands
# What changes the host as a whole holds this lock.
HOST = f"{DIRECTORY}/nbops-host.lock"


def lock_of(directory: str) -> str:
    """The path of the lock for what is in a directory, which may be missing."""
    name = hashlib.sha256(os.path.realpath(directory).encode()).hexdigest()[:16]
    return os.path.join(DIRECTORY, f"nbops-{name}.lock")


@contextlib.contextmanager
def alone(path: str) -> Iterator[int]:
    """Waits until no other process holds the lock at a path, and holds it; gives the file descriptor. Raises OSError.

    The lock is a file that is there only while somebody holds it or waits. Nobody else can open it: who may open a
    file, or a directory, may lock it, and would keep root waiting.
    """
    while True:
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever had it has removed it.
            if _is_at(descriptor, path):
                try:
                    yield descriptor
                finally:
                    os.unlink(path)
                return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
