# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes and removes files of this collection, each only if it differs."""

from __future__ import annotations

import os
import shutil

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none


class ManagedFiles:
    """Writes and removes files; in check mode it only predicts. `changed` is True once a file differed."""

    def __init__(self, check_mode: bool) -> None:
        self.changed = False
        self._check_mode = check_mode

    def write(self, path: str, text: str, mode: int) -> None:
        """Gives a file this text and mode in one step, and creates missing directories. Raises OSError."""
        data = text.encode()
        if read_or_none(path) == data and os.stat(path).st_mode & 0o777 == mode:
            return
        self.changed = True
        if self._check_mode:
            return
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        atomic.write(path, data, mode)

    def remove(self, path: str) -> None:
        """Removes a file, a link or a directory with its content. Raises OSError."""
        if not os.path.lexists(path):
            return
        self.changed = True
        if self._check_mode:
            return
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
