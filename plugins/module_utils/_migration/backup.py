# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves files into a backup and back.

`moved.json` in the backup lists the moved files in order: the path, the place in the backup, the owner, and for a unit
whether it was enabled and active.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none


class Backup:
    """A backup in a directory that only root can read. Raises OSError, and ValueError if its list is damaged."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._list = os.path.join(directory, "moved.json")
        self.moved: list[dict[str, Any]] = []
        text = text_or_none(self._list)
        if text is not None:
            try:
                self.moved = json.loads(text)
            except ValueError:
                raise ValueError(f"{self._list} is not JSON: repair it, or move it away.") from None

    def take(self, path: str, **state: bool) -> str:
        """Moves a file or link into the backup, and returns its place there."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        place = self._free(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        # Written first, so that an interrupted run leaves a useless entry rather than a file without one.
        owner = os.lstat(path)
        self._write([*self.moved, {"path": path, "place": place, "owner": [owner.st_uid, owner.st_gid], **state}])
        shutil.move(path, place)
        return place

    def restore(self, entry: dict[str, Any]) -> None:
        """Moves a file back, and replaces what is in its place."""
        if os.path.lexists(entry["place"]):
            os.makedirs(os.path.dirname(entry["path"]), exist_ok=True)
            if os.path.lexists(entry["path"]):
                os.unlink(entry["path"])
            shutil.move(entry["place"], entry["path"])
            # A move between file systems is a copy, which belongs to root.
            os.lchown(entry["path"], *entry["owner"])
        self._write([other for other in self.moved if other != entry])

    def _free(self, path: str) -> str:
        place, number = os.path.join(self.directory, path.lstrip("/")), 1
        while os.path.lexists(place):
            number += 1
            place = os.path.join(self.directory, f"{path.lstrip('/')}.{number}")
        return place

    def _write(self, moved: list[dict[str, Any]]) -> None:
        atomic.write(self._list, json.dumps(moved, indent=1).encode(), 0o600)
        self.moved = moved
