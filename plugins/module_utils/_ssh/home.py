# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of keys in a person's home, read and written by root without being led elsewhere.

The home belongs to its person, who may put links, pipes and other people's files there at any moment. So each step goes
on from an open directory, follows no link, and looks at what it has opened.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own

DIRECTORY = ".ssh"
KEYS = "authorized_keys"
# The second file that sshd reads unless it is told otherwise.
MORE_KEYS = "authorized_keys2"

_DRAFT = ".authorized_keys.nbops"


class Home:
    """A person's home. Raises ValueError where something stands in the way, OSError as the system does."""

    def __init__(self, path: str, uid: int, gid: int) -> None:
        self.path = os.path.realpath(path)
        self._uid, self._gid = uid, gid
        require_own(os.path.dirname(self.path))

    def read(self, name: str = KEYS) -> str | None:
        """The text of a file of keys; None where there is none."""
        with self._directory() as directory:
            return None if directory is None else self._text(directory, name)

    def is_right(self) -> bool:
        """Whether sshd takes the file of keys as it is, and nobody else reads it."""
        with self._open(self.path) as home:
            if os.fstat(home).st_mode & 0o022:
                return False
        with self._directory() as directory:
            if directory is None or not self._is_own(os.fstat(directory), 0o700):
                return False
            return self._is_own(os.stat(KEYS, dir_fd=directory, follow_symlinks=False), 0o600)

    def write(self, text: str) -> None:
        """Puts the file of keys in place as a whole, with its owner and modes, and those of the directories above."""
        with self._open(self.path) as home:
            os.fchmod(home, os.fstat(home).st_mode & 0o7755)
            with contextlib.suppress(FileExistsError):
                os.mkdir(DIRECTORY, 0o700, dir_fd=home)
        with self._directory() as directory:
            if directory is None:
                raise ValueError(f"{self._place} vanished while it was made")
            os.fchown(directory, self._uid, self._gid)
            os.fchmod(directory, 0o700)
            self._remove(directory, _DRAFT)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | beneath.NO_LINK
            with open(os.open(_DRAFT, flags, 0o600, dir_fd=directory), "w", encoding="utf-8") as file:
                os.fchown(file.fileno(), self._uid, self._gid)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.rename(_DRAFT, KEYS, src_dir_fd=directory, dst_dir_fd=directory)

    def has(self, name: str) -> bool:
        """Whether anything is there under the name of a file of keys, or a link in the place of their directory."""
        if os.path.islink(self._place):
            return True
        with self._directory() as directory:
            return directory is not None and self._exists(directory, name)

    def remove(self, name: str) -> None:
        """Makes a file of keys be gone; of a link, the link, and that of the directory as well."""
        if os.path.islink(self._place):
            with self._open(self.path) as home:
                self._remove(home, DIRECTORY)
        with self._directory() as directory:
            if directory is not None:
                self._remove(directory, name)

    @property
    def _place(self) -> str:
        return os.path.join(self.path, DIRECTORY)

    @contextlib.contextmanager
    def _open(self, path: str, parent: int | None = None) -> Iterator[int]:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | beneath.NO_LINK, dir_fd=parent)
        try:
            if os.fstat(descriptor).st_uid not in (0, self._uid):
                raise ValueError(f"{os.path.join(self.path, path)} belongs to somebody else: give it to its person")
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _directory(self) -> Iterator[int | None]:
        """The directory of keys, None where there is none."""
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(self._open(self.path))
            try:
                directory = stack.enter_context(self._open(DIRECTORY, home))
            except FileNotFoundError:
                directory = None
            except OSError as error:
                raise ValueError(
                    f"{self._place} is a link or no directory ({error.strerror}): remove it to get a directory"
                ) from None
            yield directory

    def _text(self, directory: int, name: str) -> str | None:
        found = beneath.Place(directory, name, os.path.join(self._place, name), self._uid)
        try:
            return beneath.read_at(found).decode(errors="replace")
        except FileNotFoundError:
            return None

    def _is_own(self, status: os.stat_result, mode: int) -> bool:
        return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (self._uid, self._gid, mode)

    @staticmethod
    def _exists(directory: int, name: str) -> bool:
        with contextlib.suppress(FileNotFoundError):
            os.stat(name, dir_fd=directory, follow_symlinks=False)
            return True
        return False

    @staticmethod
    def _remove(directory: int, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
