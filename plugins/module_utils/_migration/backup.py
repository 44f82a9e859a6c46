# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves files into a backup and back. A file may be in a home, whose person leads root nowhere.

`moved.json` in the backup lists the moved files in order: the path, the place in the backup, and for a unit whether it
was enabled and active.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic, beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._files.beneath import NO_LINK
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none


class Backup:
    """A backup in a directory that only root can read.

    Raises OSError, and ValueError if its list is damaged, or where a person is in the way.
    """

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
        with beneath.place(path) as found:
            status = found.status()
            if status is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if not found.may_hold(status):
                raise ValueError(f"{path} belongs to neither its person nor root: move it away")
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            place = self._free(path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            # Written first, so that an interrupted run leaves a useless entry rather than a file without one.
            self._write([*self.moved, {"path": path, "place": place, **state}])
            with _directory(os.path.dirname(place)) as inside:
                _move(found.directory, found.name, inside, os.path.basename(place))
        return place

    def restore(self, entry: dict[str, Any]) -> None:
        """Moves a file back, and replaces what is in its place."""
        place, path = entry["place"], entry["path"]
        if os.path.lexists(place):
            beneath.make_directories(os.path.dirname(path))
            with beneath.place(path) as found, _directory(os.path.dirname(place)) as inside:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(found.name, dir_fd=found.directory)
                _move(inside, os.path.basename(place), found.directory, found.name)
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


@contextlib.contextmanager
def _directory(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | NO_LINK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _move(source: int, name: str, target: int, new: str) -> None:
    """Moves a file or link from one open directory to a free name in another. Raises OSError and ValueError."""
    try:
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # What an interrupted run left must not be taken for the whole file.
        draft = f".{new}.nbops"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=target)
        _copy(source, name, target, draft)
        os.rename(draft, new, src_dir_fd=target, dst_dir_fd=target)
        os.unlink(name, dir_fd=source)


def _copy(source: int, name: str, target: int, new: str) -> None:
    """Copies a file or link to another file system, with its owner and mode."""
    status = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), new, dir_fd=target)
        os.chown(new, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
        return
    with open(os.open(name, os.O_RDONLY | os.O_NONBLOCK | NO_LINK, dir_fd=source), "rb") as old:
        status = os.fstat(old.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name} is no file: remove it")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK
        with open(os.open(new, flags, 0o600, dir_fd=target), "wb") as copy:
            shutil.copyfileobj(old, copy)
            os.fchown(copy.fileno(), status.st_uid, status.st_gid)
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
            copy.flush()
            os.fsync(copy.fileno())
