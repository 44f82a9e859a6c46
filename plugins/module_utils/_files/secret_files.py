# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random secrets, each a file in one private directory. They are created once, and never replaced or shown."""

from __future__ import annotations

import os
import re
import secrets
import stat
from dataclasses import dataclass, field

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import alone, lock_of
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own

NAME = re.compile(r"[A-Za-z0-9_-]+")

_BYTES = 32
_SECRET = re.compile(rb"[0-9A-Fa-f]{%d}" % (2 * _BYTES))
_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600


@dataclass
class Changes:
    """Sorted names of secrets. `directory` says whether the directory is created, or its mode or owner repaired."""

    created: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    directory: bool = False

    def __bool__(self) -> bool:
        return bool(self.created or self.repaired or self.removed or self.directory)


def reconcile(path: str, names: list[str], exclusive: bool, check_mode: bool) -> Changes:
    """Creates the secrets that are missing; in check mode it only predicts the changes.

    With `exclusive`, files of other names are removed. Other runs at the same time wait, and then find the secrets.

    Raises ValueError before anything changes if a name is not allowed, or if a file is not a whole secret, and OSError.
    """
    path = os.path.abspath(path)
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"'{name}' is no name for a secret: write letters, digits, _ and - only")
    if os.path.islink(path):
        raise ValueError(f"{path} is a link: name the directory that it leads to")
    require_own(os.path.dirname(path))
    if check_mode:
        return _plan(path, names, exclusive)
    is_new = not os.path.isdir(path)
    with alone(lock_of(path)):
        os.makedirs(path, exist_ok=True)
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            changes = _plan(path, names, exclusive)
            changes.directory |= is_new
            _own(directory, _DIRECTORY_MODE)
            _apply(path, changes)
            os.fsync(directory)
        finally:
            os.close(directory)
    return changes


def _plan(path: str, names: list[str], exclusive: bool) -> Changes:
    changes = Changes()
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return Changes(created=sorted(set(names)), directory=True)
    changes.directory = not _is_own(status, _DIRECTORY_MODE)
    for name in sorted(set(names)):
        place = os.path.join(path, name)
        try:
            status = os.lstat(place)
        except FileNotFoundError:
            changes.created.append(name)
            continue
        _require_whole(place, status)
        if not _is_own(status, _FILE_MODE):
            changes.repaired.append(name)
    others = sorted(set(os.listdir(path)) - set(names)) if exclusive else []
    changes.removed = [name for name in others if not _is_directory(os.path.join(path, name))]
    return changes


def _apply(path: str, changes: Changes) -> None:
    for name in changes.removed:
        os.unlink(os.path.join(path, name))
    for name in changes.repaired:
        descriptor = os.open(os.path.join(path, name), os.O_RDONLY | os.O_NOFOLLOW)
        try:
            _own(descriptor, _FILE_MODE)
        finally:
            os.close(descriptor)
    for name in changes.created:
        place = os.path.join(path, name)
        draft = atomic.stage(place, secrets.token_hex(_BYTES).encode(), _FILE_MODE)
        try:
            os.link(draft, place)  # unlike a rename, it fails if another program has created the file meanwhile
        finally:
            os.unlink(draft)


def _require_whole(place: str, status: os.stat_result) -> None:
    """Raises ValueError if a file is not a whole secret. The message says nothing of its content."""
    text = b""
    if stat.S_ISREG(status.st_mode):
        with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            text = file.read(2 * _BYTES + 1)
    if not _SECRET.fullmatch(text):
        raise ValueError(
            f"{place} is no file of {2 * _BYTES} hexadecimal digits and nothing else: restore it from a backup, or "
            "remove it to have another secret made, which ends whatever the former one is needed for"
        )


def _is_own(status: os.stat_result, mode: int) -> bool:
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (os.geteuid(), os.getegid(), mode)


def _own(descriptor: int, mode: int) -> None:
    if not _is_own(os.fstat(descriptor), mode):
        os.fchown(descriptor, os.geteuid(), os.getegid())
        os.fchmod(descriptor, mode)


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
