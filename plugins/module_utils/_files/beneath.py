# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens files and directories as root without being led elsewhere by the people who can change the way there.

Each step goes on from an open directory. Where only root can change a directory, its links are followed; elsewhere none
is, and what comes below has to belong to the same account or to root.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | NO_LINK
# To go through a directory, nobody needs to be able to read it.
_STEP = os.O_PATH | os.O_DIRECTORY | NO_LINK
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ANYBODY = -1
_LARGEST = 1 << 20
# As many as Linux follows.
_MOST_LINKS = 40


@dataclass(frozen=True)
class Place:
    """A name in an open directory.

    `path` is without links. `holder` is the uid of the account that can change the directory, None where only root can.
    `rest` has the names that follow `name`; it is empty unless the way ends before.
    """

    directory: int
    name: str
    path: str
    holder: int | None
    rest: tuple[str, ...] = ()

    def status(self) -> os.stat_result | None:
        """What is at the place, be it a link; None where nothing is. Raises OSError."""
        try:
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def may_hold(self, status: os.stat_result) -> bool:
        """Whether what is at the place belongs to the holder of the directory, or to root."""
        return self.holder in (None, _ANYBODY) or status.st_uid in (0, self.holder)


@contextlib.contextmanager
def place(path: str, *, follow: bool = False) -> Iterator[Place]:
    """Opens the directory of an absolute path; `follow` says whether a link of root's at the path itself is followed.

    Raises FileNotFoundError where the directory is missing, ValueError where a link or directory of a person's is in
    the way, and OSError.
    """
    with last_place(path, follow=follow, people=True) as found:
        if found.rest:
            raise FileNotFoundError(2, "No such file or directory", found.path)
        yield found


@contextlib.contextmanager
def last_place(path: str, *, follow: bool = True, people: bool = False) -> Iterator[Place]:
    """Opens the directory of an absolute path as `place` does, but goes only as far as the way exists.

    `rest` has the names that are missing. Without `people`, the way ends in the first directory that others can change.
    """
    names = [name for name in path.split("/") if name not in ("", ".")]
    here, holder, links = "/", None, 0
    directory = os.open("/", _STEP)
    try:
        while True:
            if not names:
                raise ValueError(f"{path} is no path of a file or directory below /")
            found = Place(directory, names[0], os.path.join(here, names[0]), holder, tuple(names[1:]))
            is_last = len(names) == 1
            status = None if holder is not None and not people else found.status()
            if status is None or (is_last and not (follow and stat.S_ISLNK(status.st_mode))):
                yield found
                return
            if stat.S_ISLNK(status.st_mode):
                if holder is not None:
                    if is_last:
                        yield found
                        return
                    raise ValueError(f"{found.path} is a link in a directory that others can change: name its target")
                links += 1
                if links > _MOST_LINKS:
                    raise ValueError(f"{path} has too many links")
                target = os.readlink(found.name, dir_fd=directory)
                names[:1] = [name for name in target.split("/") if name not in ("", ".")]
                step, here = ("/", "/") if target.startswith("/") else (".", here)
            elif found.name == ".." and holder is not None:
                raise ValueError(f"{path} leads back out of {here}: name the directory without '..'")
            elif not stat.S_ISDIR(status.st_mode) or not found.may_hold(status):
                raise ValueError(f"{found.path} is no directory of its person's: move it away, or give it to them")
            else:
                step, here = names.pop(0), os.path.normpath(found.path)
            following = os.open(step, _STEP, dir_fd=directory)
            os.close(directory)
            directory = following
            status = os.fstat(directory)
            if not found.may_hold(status):
                raise ValueError(f"{here} changes its owner meanwhile")
            holder = _holder(status, holder)
    finally:
        os.close(directory)


def _holder(status: os.stat_result, above: int | None) -> int | None:
    """Who can change a directory, where `above` can change the one above it."""
    if status.st_uid:
        return status.st_uid
    return _ANYBODY if above is None and status.st_mode & _OTHERS else above


def read(path: str, owners: set[int] | None = None) -> bytes | None:
    """The content of a file, 1 MiB at most; None where there is none.

    `owners` has the uids of those to whom it may belong; without it the directory decides. Raises ValueError where it
    is a link, pipe or device, has a second name, or belongs to somebody else, and OSError.
    """
    try:
        with place(path, follow=True) as found:
            return read_at(found, owners)
    except FileNotFoundError:
        return None


def read_at(found: Place, owners: set[int] | None = None) -> bytes:
    """The content of the file at a place, as `read` does. Raises FileNotFoundError as well."""
    try:
        # A pipe would keep the reader waiting.
        descriptor = os.open(found.name, os.O_RDONLY | os.O_NONBLOCK | NO_LINK, dir_fd=found.directory)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{found.path} cannot be read, as for a link: {error.strerror}; remove it") from None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        is_own = found.may_hold(status) if owners is None else status.st_uid in owners
        # Under a second name it may be a file that its person cannot read.
        is_single = found.holder is None or status.st_nlink == 1
        if not (stat.S_ISREG(status.st_mode) and is_single and is_own):
            raise ValueError(f"{found.path} is no file of this person's alone; remove it")
        return file.read(_LARGEST)


def text(path: str, owners: set[int] | None = None) -> str | None:
    """The text of a file as `read` reads it, with U+FFFD for invalid bytes."""
    data = read(path, owners)
    return None if data is None else data.decode(errors="replace")


def listing(path: str) -> list[str]:
    """The names in a directory, sorted; none where it is missing. Raises ValueError as `place`, and OSError."""
    try:
        with place(os.path.join(path, "any")) as found:
            directory = os.open(".", _DIRECTORY, dir_fd=found.directory)
            try:
                return sorted(os.listdir(directory))
            finally:
                os.close(directory)
    except FileNotFoundError:
        return []


def make_directories(path: str) -> None:
    """Makes what is missing of a directory with mode 0755; each belongs to whom the one above it belongs.

    Raises ValueError as `place`, and OSError.
    """
    while True:
        with last_place(path, people=True) as found:
            if not found.rest and found.status() is not None:
                return
            make_directory(found)


def make_directory(found: Place) -> None:
    """Makes the directory of a place with mode 0755; it belongs to whom the one above it belongs.

    Raises ValueError where its person puts another in its place meanwhile, and OSError.
    """
    os.mkdir(found.name, 0o700, dir_fd=found.directory)
    made = os.open(found.name, _DIRECTORY, dir_fd=found.directory)
    try:
        if os.listdir(made):
            raise ValueError(f"{found.path} was replaced while it was made")
        above = os.fstat(found.directory)
        os.fchmod(made, 0o755)
        if found.holder not in (None, _ANYBODY):
            os.fchown(made, above.st_uid, above.st_gid)
    finally:
        os.close(made)
