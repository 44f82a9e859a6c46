# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that go into a backup, and come back from it.

`moved.json` in the backup says what went, in its order: a path, its place in the backup, its owner, and of a unit
whether it was enabled and active.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic


class Backup:
    """A directory for root alone."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._list = os.path.join(directory, "moved.json")
        self.moved: list[dict[str, Any]] = []
        if os.path.exists(self._list):
            with open(self._list, encoding="utf-8") as file:
                self.moved = json.load(file)

    def take(self, path: str, **state: bool) -> str:
        """Moves a file or link into the backup, and returns where it is."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        place = self._free(path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        # Noted first: an interrupted run leaves a note too many rather than a file that nobody knows.
        owner = os.lstat(path)
        self._write([*self.moved, {"path": path, "place": place, "owner": [owner.st_uid, owner.st_gid], **state}])
        shutil.move(path, place)
        return place

    def give_back(self, entry: dict[str, Any]) -> None:
        """Moves one back, over whatever took its place."""
        if os.path.lexists(entry["place"]):
            os.makedirs(os.path.dirname(entry["path"]), exist_ok=True)
            if os.path.lexists(entry["path"]):
                os.unlink(entry["path"])
            shutil.move(entry["place"], entry["path"])
            # Between filesystems a move is a copy, of root's.
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
