# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets one process at a time read, decide and write: two controllers may run a playbook against a host at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

# What changes the host as a whole holds this lock: the directory is there, and nothing is left of the lock.
HOST = "/run"


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Waits until no other process holds the lock of a directory or file, and holds it. Raises OSError.

    A file is made where there is none.
    """
    descriptor = os.open(path, os.O_RDONLY | (0 if os.path.isdir(path) else os.O_CREAT), 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
