# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers that files were written which their service has not loaded yet, even if the run is killed in between.

A mark file exists from before the first file changes until the service has loaded them. The next run finds the mark of
a killed one and loads the files, although they are up to date. Marks are below /run: a reboot removes them, and starts
every service with the files on disk.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator


class PendingLoad:
    """The mark at a path. Methods raise OSError."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._interrupted = False

    def exists(self) -> bool:
        """Whether an earlier run was killed before its service loaded the files."""
        return os.path.exists(self._path)

    def begin(self) -> None:
        """Sets the mark. Call it before the first file changes."""
        self._interrupted = self.exists()
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        with open(self._path, "wb"):
            pass

    def commit(self) -> None:
        """Removes the mark. Call it after the service has loaded the files."""
        os.unlink(self._path)

    def roll_back(self) -> None:
        """Restores the mark as `begin` found it. Call it after the files are as they were."""
        if not self._interrupted:
            os.unlink(self._path)

    @contextlib.contextmanager
    def transaction(self, undo: Callable[[], None]) -> Iterator[None]:
        """Commits what the block writes and loads. If the block fails, calls `undo` and raises the block's error.

        If `undo` fails as well, its error is raised, and the mark stays for the next run.
        """
        self.begin()
        try:
            yield
        except Exception:
            undo()
            self.roll_back()
            raise
        self.commit()
