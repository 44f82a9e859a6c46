# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates at the paths that servers read, replaced in one step.

Each version of a certificate and its key has a directory. Servers read links through `current`, so one rename(2)
switches both, and a run that is killed leaves either the old pair or the new one:

    <directory>/<name>/fullchain.pem -> current/fullchain.pem
    <directory>/<name>/privkey.pem   -> current/privkey.pem
    <directory>/<name>/current       -> versions/<digest>
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import shutil

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import require_pair
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.pending import PendingLoad
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none

CHAIN, KEY = "fullchain.pem", "privkey.pem"
# Has a mark for each certificate that its services have not loaded yet.
PENDING = "/run/nbops-certificates"
_VERSIONS_KEPT = 2


def version(pair: tuple[bytes, bytes], group: str) -> str:
    """The name of a pair's version, whose key a group can read: 12 hexadecimal digits."""
    return hashlib.sha256(b"".join(pair) + group.encode()).hexdigest()[:12]


def read_pair(directory: str) -> tuple[bytes, bytes] | None:
    """Certificate and key in a directory; None if one is missing."""
    chain, key = (read_or_none(os.path.join(directory, name)) for name in (CHAIN, KEY))
    return None if chain is None or key is None else (chain, key)


def make_directory(path: str) -> None:
    """Creates a directory, and those above it, with mode 0755 whatever the umask."""
    if not os.path.isdir(path):
        make_directory(os.path.dirname(path))
        os.mkdir(path)
        os.chmod(path, 0o755)  # noqa: S103 keys inside have their own modes


class CertificateStore:
    """The directory of one certificate. Methods raise OSError."""

    def __init__(self, directory: str, name: str, group: str = "root") -> None:
        self.path = os.path.join(directory, name)
        self._name = name
        self._group = group
        self._current = os.path.join(self.path, "current")
        self._versions = os.path.join(self.path, "versions")
        self._pending = PendingLoad(os.path.join(PENDING, name))
        self._old: str | None = None

    def pair(self) -> tuple[bytes, bytes] | None:
        """The certificate and key that servers read, also if an administrator put them there."""
        return read_pair(self.path)

    def is_current(self, pair: tuple[bytes, bytes]) -> bool:
        """Whether this pair is in place, only its group can read the key, and the services have loaded it."""
        return (
            self._version() == version(pair, self._group)
            and self.pair() == pair
            and self._is_guarded()
            and not self._pending.exists()
        )

    def begin(self, pair: tuple[bytes, bytes]) -> None:
        """Puts a pair in place. Call `commit` after the services have loaded it, or else `undo`.

        Raises CertificateError before anything changes if key and certificate do not belong together.
        """
        require_pair(*pair)
        old = self._adopt()
        new = self._write(pair)
        if new != old:
            self._old = old
        self._pending.begin()
        self._switch(new)

    def undo(self) -> None:
        """Restores the pair from before `begin`. The first pair of all stays, because it is better than none."""
        if self._old is not None:
            self._switch(self._old)
            self._pending.roll_back()

    def commit(self) -> None:
        """Records that the services have loaded the pair, and removes older versions."""
        self._pending.commit()
        current = self._version()
        paths = [os.path.join(self._versions, name) for name in os.listdir(self._versions) if name != current]
        for path in sorted(paths, key=os.path.getmtime, reverse=True)[_VERSIONS_KEPT - 1 :]:
            shutil.rmtree(path)

    def remove(self) -> None:
        """Removes everything of ours, and the directory unless it contains something else."""
        links = [os.path.join(self.path, name) for name in (CHAIN, KEY, "current")]
        for path in (*links, *(link + ".new" for link in links)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        if self._pending.exists():
            self._pending.commit()
        shutil.rmtree(self._versions, ignore_errors=True)
        for path in (self.path, os.path.dirname(self.path)):
            with contextlib.suppress(OSError):
                os.rmdir(path)

    def _version(self) -> str | None:
        return os.path.basename(os.readlink(self._current)) if os.path.islink(self._current) else None

    def _is_guarded(self) -> bool:
        status = os.stat(os.path.join(self.path, KEY))
        return status.st_uid == 0 and status.st_gid == self._gid() and status.st_mode & 0o777 == self._key_mode()

    def _gid(self) -> int:
        try:
            return grp.getgrnam(self._group).gr_gid
        except KeyError:
            raise OSError(f"there is no group {self._group} to read the key of {self._name}") from None

    def _key_mode(self) -> int:
        return 0o600 if self._group == "root" else 0o640

    def _adopt(self) -> str | None:
        """Makes a version of files that an administrator put there, and returns the current version."""
        plain = [name for name in (CHAIN, KEY) if not os.path.islink(os.path.join(self.path, name))]
        pair = self.pair()
        if plain and pair is not None:
            self._switch(self._write(pair))
        return self._version()

    def _write(self, pair: tuple[bytes, bytes]) -> str:
        """Writes the version of a pair and returns its name."""
        name = version(pair, self._group)
        place, new = os.path.join(self._versions, name), os.path.join(self._versions, "new")
        if read_pair(place) != pair:
            shutil.rmtree(new, ignore_errors=True)  # an interrupted run may have left it
            make_directory(new)
            for file_name, data in zip((CHAIN, KEY), pair):
                _write_file(os.path.join(new, file_name), data)
            shutil.rmtree(place, ignore_errors=True)  # damaged
            os.rename(new, place)
        os.chmod(os.path.join(place, CHAIN), 0o644)
        os.chown(os.path.join(place, KEY), 0, self._gid())
        os.chmod(os.path.join(place, KEY), self._key_mode())
        return name

    def _switch(self, name: str) -> None:
        atomic.link(os.path.join("versions", name), self._current)
        for file_name in (CHAIN, KEY):
            path = os.path.join(self.path, file_name)
            if not os.path.islink(path):
                atomic.link(os.path.join("current", file_name), path)


def _write_file(path: str, data: bytes) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # The error of a full disk has no path.
        raise OSError(error.errno, error.strerror, path) from None
