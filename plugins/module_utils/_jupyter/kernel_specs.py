# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels of a host: directories with a `kernel.json`, where every Jupyter server looks for them.

A directory of ours holds a mark with its own name, so that a copy of it under another name is somebody else's.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic

SPEC = "kernel.json"
MARK = ".nbops-kernel"
LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")


@dataclass(frozen=True)
class Access:
    """Who sees a kernel: everybody, or root and the members of one group, by its id."""

    group: int | None = None

    @property
    def directory_mode(self) -> int:
        return 0o755 if self.group is None else 0o750

    @property
    def file_mode(self) -> int:
        return 0o644 if self.group is None else 0o640

    def holds(self, status: os.stat_result) -> bool:
        """Whether a file or directory has exactly this owner, group and mode."""
        mode = self.directory_mode if stat.S_ISDIR(status.st_mode) else self.file_mode
        return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (os.geteuid(), self._gid, mode)

    def give(self, path: str) -> None:
        """Gives a directory this owner, group and mode; closed first, it is never open to others in between."""
        os.chmod(path, 0o700)
        os.chown(path, os.geteuid(), self._gid)
        os.chmod(path, self.directory_mode)

    @property
    def _gid(self) -> int:
        return os.getegid() if self.group is None else self.group


def text(spec: dict[str, Any]) -> str:
    """A `kernel.json`."""
    return json.dumps(spec, indent=2, ensure_ascii=False) + "\n"


def files(name: str, spec: dict[str, Any], logos: str) -> dict[str, bytes]:
    """What the directory of a kernel holds; logos as far as there are any in the directory `logos`."""
    content = {SPEC: text(spec).encode(), MARK: name.encode()}
    for logo in LOGOS if logos else ():
        with contextlib.suppress(FileNotFoundError), open(os.path.join(logos, logo), "rb") as file:
            content[logo] = file.read()
    return content


class KernelDirectory:
    """A directory of kernels, such as `/usr/local/share/jupyter/kernels`. Methods raise OSError."""

    def __init__(self, path: str) -> None:
        self.path = path

    def is_foreign(self, name: str) -> bool:
        """Whether something is in the place of a kernel that is not ours."""
        return os.path.lexists(self._place(name)) and not self._is_own(name)

    def own(self) -> list[str]:
        """Names of the kernels that are ours, sorted."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return sorted(name for name in names if self._is_own(name))

    def spec_text(self, name: str) -> str:
        """The `kernel.json` that stands there; empty where there is none."""
        try:
            with open(os.path.join(self._place(name), SPEC), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def differs(self, name: str, content: dict[str, bytes], access: Access) -> bool:
        """Whether a kernel is not there exactly so."""
        place = self._place(name)
        if not self._is_own(name) or not access.holds(os.lstat(place)) or set(os.listdir(place)) != set(content):
            return True
        return any(_differs(os.path.join(place, file), data, access) for file, data in content.items())

    def write(self, name: str, content: dict[str, bytes], access: Access) -> None:
        """Makes a kernel be there. A new one appears whole; of an old one, each file changes in one step."""
        place = self._place(name)
        if not self._is_own(name):
            os.makedirs(self.path, mode=0o755, exist_ok=True)
            draft = self._draft(name)
            os.mkdir(draft, 0o700)
            self._fill(draft, content, access)
            os.rename(draft, place)
        else:
            self._fill(place, content, access)
        atomic.sync_directory(self.path)

    def remove(self, name: str) -> None:
        """Makes a kernel of ours be gone, in one step for whoever looks."""
        draft = self._draft(name)
        os.rename(self._place(name), draft)
        shutil.rmtree(draft)

    def remove_if_empty(self) -> None:
        """Removes the directory, and the one above, where nothing is left in them."""
        for path in (self.path, os.path.dirname(self.path)):
            with contextlib.suppress(OSError):
                os.rmdir(path)

    def _fill(self, place: str, content: dict[str, bytes], access: Access) -> None:
        if not access.holds(os.lstat(place)):
            access.give(place)
        for file, data in content.items():
            path = os.path.join(place, file)
            if _differs(path, data, access):
                atomic.write(path, data, access.file_mode, -1 if access.group is None else access.group)
        for file in set(os.listdir(place)) - set(content):
            _remove(os.path.join(place, file))

    def _place(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _draft(self, name: str) -> str:
        """A free place on the same file system where no server looks."""
        draft = os.path.join(os.path.dirname(self.path), f".nbops-{name}")
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(draft)
        return draft

    def _is_own(self, name: str) -> bool:
        place = self._place(name)
        try:
            with open(os.path.join(place, MARK), encoding="utf-8", errors="replace") as file:
                return file.read() == name and not os.path.islink(place)
        except (FileNotFoundError, NotADirectoryError):
            return False


def environment_differs(path: str, access: Access) -> bool:
    """Whether the directory of an environment is missing, or others may enter it than should."""
    return not os.path.isdir(path) or not access.holds(os.stat(path))


def prepare_environment(path: str, access: Access) -> None:
    """Makes the directory of an environment, which nobody can enter who should not, from the beginning."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    access.give(path)


def environments(path: str) -> tuple[list[str], list[str]]:
    """Names of the environments below a directory, and of what else is there, both sorted."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return [], []
    ours = [name for name in names if _is_environment(os.path.join(path, name))]
    return ours, [name for name in names if name not in ours]


def _is_environment(path: str) -> bool:
    """Releases are in it, or nothing yet."""
    if os.path.islink(path) or not os.path.isdir(path):
        return False
    return set(os.listdir(path)) <= {"releases", "current"}


def _differs(path: str, data: bytes, access: Access) -> bool:
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or not access.holds(status):
            return True
        with open(path, "rb") as file:
            return file.read() != data
    except FileNotFoundError:
        return True


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
