# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of an application: directories `releases/<name>` and a link `current` that one rename(2) swaps.

A release is valid when its marker exists: the marker is written last, after everything else is on disk. A directory
without one is the leftover of an interrupted build. The marker's modification time is the time of the last activation.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic

LAYOUT = 1  # part of every id: a release made to another layout is not reused

MARKER = "release.json"
PROC = "/proc"
_NAME = re.compile(r"[0-9a-f]{12}(-\d+)?")


def release_id(shape: dict[str, Any]) -> str:
    """The id of the release that everything in `shape` (JSON values) leads to: 12 hexadecimal digits."""
    text = json.dumps({"layout": LAYOUT, **shape}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def choose_prunable(activated: dict[str, float | None], current: str | None, keep: int) -> list[str]:
    """The releases to remove, sorted: leftovers (time None), and all but the `keep` last activated.

    The current release counts as the last activated and is never chosen.
    """
    valid = [name for name, time in activated.items() if time is not None and name != current]
    valid.sort(key=lambda name: activated[name], reverse=True)
    leftovers = [name for name, time in activated.items() if time is None and name != current]
    return sorted(leftovers + valid[max(keep - (current is not None), 0) :])


def content_size(directory: str) -> int:
    """The bytes in the files of a release but for its marker, however the file system counts directories."""
    size = 0
    folders = [directory]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    with contextlib.suppress(FileNotFoundError):
        size -= os.lstat(os.path.join(directory, MARKER)).st_size
    return size


class ReleaseStore:
    """The releases below one application directory. Methods raise OSError where the file system refuses."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._releases = os.path.join(path, "releases")
        self._current = os.path.join(path, "current")

    def directory(self, name: str) -> str:
        """The path of a release, existing or not."""
        return os.path.join(self._releases, name)

    def current(self) -> str | None:
        """The name of the release that `current` points to, whatever its state.

        Raises ValueError where `current` is not a link into the releases: it is not ours to replace.
        """
        if not os.path.lexists(self._current):
            return None
        target = os.readlink(self._current) if os.path.islink(self._current) else ""
        folder, name = os.path.split(target)
        if folder != "releases" or not _NAME.fullmatch(name):
            raise ValueError(f"{self._current} is not a link to a release: move it away, or choose another path")
        return name

    def marker(self, name: str | None) -> dict[str, Any] | None:
        """What the marker of a release says, None where there is none that can be read."""
        if name is None:
            return None
        try:
            with open(os.path.join(self.directory(name), MARKER), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def names(self) -> list[str]:
        """The names of all release directories, valid or not, the plain id before its rebuilds."""
        try:
            names = os.listdir(self._releases)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _NAME.fullmatch(name))

    def names_of(self, identifier: str) -> list[str]:
        """The release directories of one id: `<id>`, and `<id>-2` and so on where a broken one was built anew."""
        return [name for name in self.names() if name.split("-")[0] == identifier]

    def activated(self) -> dict[str, float | None]:
        """Time of the last activation of every release, in seconds since the epoch; None for a leftover."""
        times: dict[str, float | None] = {}
        for name in self.names():
            try:
                times[name] = os.stat(os.path.join(self.directory(name), MARKER)).st_mtime
            except FileNotFoundError:
                times[name] = None
        return times

    def used(self) -> set[str]:
        """The names of the releases from which a running process has loaded code; it would miss what it loads later."""
        loaded = re.compile(re.escape(os.path.realpath(self._releases)) + r"/([^/\n]+)/")
        found: set[str] = set()
        for path in glob.iglob(os.path.join(PROC, "[0-9]*", "maps")):
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
                found.update(loaded.findall(file.read()))
        return found

    def next_name(self, identifier: str) -> str:
        """The name for a build of an id: the first that is neither current nor was valid once."""
        current, name, number = self.current(), identifier, 1
        while name == current or self.marker(name) is not None:
            number += 1
            name = f"{identifier}-{number}"
        return name

    def begin(self, identifier: str) -> str:
        """Makes an empty directory for a build and returns its name; a leftover gives way."""
        name = self.next_name(identifier)
        self.remove(name)
        os.makedirs(self.directory(name))
        return name

    def finish(self, name: str, marker: dict[str, Any]) -> None:
        """Declares a release valid."""
        # A marker that survives a power failure without the files it vouches for would be worse than none.
        os.sync()
        path = os.path.join(self.directory(name), MARKER)
        atomic.write(path, json.dumps(marker, indent=1, sort_keys=True).encode(), 0o644)
        atomic.sync_directory(self.directory(name))

    def activate(self, name: str) -> None:
        """Points `current` to a release in one step."""
        os.utime(os.path.join(self.directory(name), MARKER))
        atomic.link(os.path.join("releases", name), self._current)
        atomic.sync_directory(self.path)

    def remove(self, name: str) -> None:
        """Removes a release, the marker first, so that an interruption leaves a leftover and not a damaged release."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.directory(name), MARKER))
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.directory(name))

    def is_there(self) -> bool:
        """Whether there is anything that `remove_all` removes."""
        if self.current() is not None:
            return True
        try:
            found = os.listdir(self._releases)
        except FileNotFoundError:
            return False
        return not found or any(_NAME.fullmatch(name) for name in found)

    def remove_all(self) -> None:
        """Removes the link, all releases, and the directories as far as they hold nothing else."""
        if self.current() is not None:
            os.unlink(self._current)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._current + ".new")
        for name in self.names():
            self.remove(name)
        for path in (self._releases, self.path):
            with contextlib.suppress(OSError):
                os.rmdir(path)
