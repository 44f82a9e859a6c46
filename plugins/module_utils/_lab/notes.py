# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes about the state in which a lab served: its release, and its files with their times."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none, text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore

NOTES = "/var/lib/jupyterlab/.healthy"
HISTORY = "history"
NANOSECONDS = 10**9


class NoteError(Exception):
    """A note cannot be read; the text says which, and what to do about it."""


@dataclass(frozen=True)
class Lab:
    """A lab by its name, with the path of its environment, its units and the paths of its files.

    `holder` is the unit that a connection starts while the lab is away.
    """

    name: str
    environment: str
    service: str
    socket: str
    holder: str
    files: tuple[str, ...]

    @property
    def store(self) -> ReleaseStore:
        """The releases of the environment."""
        return ReleaseStore(self.environment)

    @property
    def link(self) -> str:
        """The link to the current release."""
        return os.path.join(self.environment, "current")


@dataclass(frozen=True)
class File:
    """A file with its text, mode and time (in nanoseconds since 1970)."""

    path: str
    text: str
    mode: int
    time: int

    def differs(self) -> bool:
        """Whether the text at the path is another, or there is none."""
        return text_or_none(self.path) != self.text

    def put_back(self) -> None:
        """Writes the file with its time, so that nothing restarts because it is new."""
        os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
        draft = atomic.stage(self.path, self.text.encode(), self.mode)
        os.utime(draft, ns=(self.time, self.time))
        os.rename(draft, self.path)


@dataclass(frozen=True)
class Note:
    """The state in which a lab served: the name of its release, since when it was current (in nanoseconds), its files.

    `written` is the time of the note itself, in seconds.
    """

    lab: Lab
    release: str
    switched: int
    files: tuple[File, ...]
    written: float = 0

    def is_like(self, other: Note) -> bool:
        """Whether the other has the same release, and the same files but for their times."""
        texts, others = ({(file.path, file.text, file.mode) for file in note.files} for note in (self, other))
        return (self.lab, self.release, texts) == (other.lab, other.release, others)

    @property
    def changed(self) -> float:
        """When the newest part of the state was changed, in seconds since 1970."""
        return max([self.switched, *(file.time for file in self.files)]) / NANOSECONDS


def present_state(lab: Lab) -> Note | None:
    """The state on disk; None where a part of it is missing. Raises OSError, and ValueError for a link not ours."""
    try:
        files = tuple(_read(path) for path in lab.files)
        switched = os.lstat(lab.link).st_mtime_ns
    except FileNotFoundError:
        return None
    return Note(lab, lab.store.current() or "", switched, files)


def _read(path: str) -> File:
    status = os.lstat(path)
    with open(path, "rb") as file:
        return File(path, file.read().decode(errors="replace"), stat.S_IMODE(status.st_mode), status.st_mtime_ns)


def read_note(name: str) -> Note | None:
    """The note about a lab. Raises OSError and NoteError."""
    path = _path(name)
    data = read_or_none(path)
    if data is None:
        return None
    try:
        return from_json(json.loads(data), os.stat(path).st_mtime)
    except (KeyError, TypeError, ValueError):
        raise NoteError(f"{path} is damaged; remove it, and run again once {name} serves.") from None


def from_json(values: dict[str, Any], written: float) -> Note:
    """A note out of a file. Raises KeyError, TypeError and ValueError for one that is damaged."""
    lab = Lab(**{**values["lab"], "files": tuple(values["lab"]["files"])})
    return Note(lab, values["release"], values["switched"], tuple(File(**file) for file in values["files"]), written)


def read_notes() -> list[Note]:
    """All notes of the host, also about labs that are in no inventory any more. Raises OSError and NoteError."""
    try:
        names = sorted(os.listdir(NOTES))
    except FileNotFoundError:
        return []
    found = [read_note(name.removesuffix(".json")) for name in names if name.endswith(".json")]
    return [note for note in found if note]


def has_note(name: str) -> bool:
    """Whether there is a note about a lab."""
    return os.path.exists(_path(name))


def is_noted(note: Note) -> bool:
    """Whether the host has exactly this note. Raises OSError."""
    return read_or_none(_path(note.lab.name)) == to_json(note)


def write_note(note: Note) -> None:
    """Writes a note for root alone, because it has what opens the lab. Raises OSError."""
    os.makedirs(NOTES, mode=0o700, exist_ok=True)
    atomic.write(_path(note.lab.name), to_json(note), 0o600)
    atomic.sync_directory(NOTES)


def to_json(note: Note) -> bytes:
    """A note as it is written."""
    values = {key: value for key, value in asdict(note).items() if key != "written"}
    return json.dumps(values, indent=1, sort_keys=True).encode()


def history_directory(name: str) -> str:
    """The directory of the former notes about a lab."""
    return os.path.join(NOTES, HISTORY, name)


def paths(name: str) -> list[str]:
    """Everything that a host has noted about a lab."""
    return [_path(name), history_directory(name)]


def _path(name: str) -> str:
    return os.path.join(NOTES, f"{name}.json")
