# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files below nginx's directory, which are written together, and its log files. Functions raise OSError."""

from __future__ import annotations

import contextlib
import grp
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic


@dataclass(frozen=True)
class TargetFile:
    """A file by its path below a directory.

    `data` is None where no file shall be. `group` is the id of the group that may read a private file, else None.
    """

    name: str
    data: bytes | None
    group: int | None = None

    @property
    def is_configuration(self) -> bool:
        """Whether nginx has to include it; other files are pages, passwords and the like."""
        return self.name.endswith(".conf")


def write(directory: str, files: Iterable[TargetFile]) -> None:
    """Writes and removes the files. All are on disk before the first takes its place, as the disk may be full."""
    drafts = []
    for file in files:
        path, draft = os.path.join(directory, file.name), None
        if file.data is not None:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            mode, group = (0o644, -1) if file.group is None else (0o640, file.group)
            draft = atomic.stage(path, file.data, mode, group)
        drafts.append((file, path, draft))
    for file, path, draft in drafts:
        if draft:
            os.rename(draft, path)
        elif os.path.lexists(path):
            os.unlink(path)
            # Directories of configuration stay, those of pages are removed with their last page.
            if not file.is_configuration:
                with contextlib.suppress(OSError):
                    os.removedirs(os.path.dirname(path))


def is_safe(path: str, group: int | None) -> bool:
    """Whether only root can change a file, and where a group id is given, only that group can read it."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != 0 or status.st_mode & 0o022:
        return False
    return group is None or (status.st_gid == group and not status.st_mode & 0o007)


def is_public_log(path: str) -> bool:
    """Whether everybody can read a log file, or will be able to once nginx has created it."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(mode) and bool(mode & 0o007)


def protect_log(path: str) -> None:
    """Lets only its owner and group read a log file. A missing one is created for the group adm, if there is one."""
    missing = not os.path.exists(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    try:
        if missing:
            with contextlib.suppress(KeyError):
                os.fchown(descriptor, -1, grp.getgrnam("adm").gr_gid)
        os.fchmod(descriptor, os.fstat(descriptor).st_mode & 0o770)
    finally:
        os.close(descriptor)
