# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours that are written in one step where they differ."""

from __future__ import annotations

import os
import shutil

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic


class KeptFiles:
    """Writes and removes, or only tells in check mode; `changed` says whether anything differed."""

    def __init__(self, check_mode: bool) -> None:
        self.changed = False
        self._check_mode = check_mode

    def write(self, path: str, text: str, mode: int) -> None:
        """Makes a file have a text and a mode; it never has the text without the mode."""
        try:
            with open(path, encoding="utf-8") as file:
                same = file.read() == text and os.stat(path).st_mode & 0o777 == mode
        except (FileNotFoundError, UnicodeDecodeError):
            same = False
        if same:
            return
        self.changed = True
        if self._check_mode:
            return
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        atomic.write(path, text.encode(), mode)

    def remove(self, path: str) -> None:
        """Makes a file or directory be gone."""
        if not os.path.lexists(path):
            return
        self.changed = True
        if self._check_mode:
            return
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
