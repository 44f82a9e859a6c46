# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server sees of homes: its own alone, wherever homes are.

Pure. Used on the controller for the units of labs, and by the hub, whose environment has a copy, for each start.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

# Paths that systemd takes as they are: a colon separates options, % begins a specifier. Braces are the spawner's.
PLAIN = re.compile(r"/[^\s:%{}\"'\\]*")
# What ProtectHome= hides, and what holds the system and its software: an account's home there is no person's.
NOT_OURS = re.compile(r"/(home|root|bin|boot|dev|etc|lib[^/]*|opt|proc|run|sbin|sys|tmp|usr)(/.*)?|/var/tmp(/.*)?")
# Directories that hold more than homes; of these, each home is closed by itself.
SHARED = re.compile(r"/(media|mnt|srv|var(/[^/]+)?)?")


def hiding(home: str, people: Iterable[str], shown: Iterable[str] = ()) -> dict[str, list[str]]:
    """Directives of the section Service that hide the homes of people, and what stands beside them.

    `home` is the server's own, `people` are the homes of everybody, and `shown` what the server needs beside its home;
    all are absolute paths, and the caller binds the own home and what is shown. A directory with homes is closed; one
    that holds something to show is empty but for that. A home that PLAIN does not match hides nothing.
    """
    home, shown = _normal(home), [_bare(path) for path in shown]
    hidden = _places([home, *people], {home, *shown}) - {home, *shown}
    # What is in the own home is one's own.
    hidden = {place for place in hidden if not _is_below(place, home)}
    hidden = {place for place in hidden if not any(_hides(other, place, shown) for other in hidden - {place})}
    emptied = {place for place in hidden if any(_is_below(path, place) for path in (home, *shown))}
    found = {
        "TemporaryFileSystem": [f"{place}:ro" for place in sorted(emptied)],
        "InaccessiblePaths": [f"-{place}" for place in sorted(hidden - emptied)],
    }
    return {name: values for name, values in found.items() if values}


def taken_away(paths: Iterable[str], people: Iterable[str]) -> list[str]:
    """Of some paths, those inside of a directory that is hidden for the homes in it, so that they have to be bound."""
    places = _places(people, set()) | {"/home", "/root"}
    return [path for path in paths if any(_is_below(_bare(path), place) and _bare(path) != place for place in places)]


def _bare(path: str) -> str:
    """A path without systemd's marks in front."""
    return _normal(path.lstrip("-+"))


def _normal(path: str) -> str:
    """The path without `..`, doubled and trailing slashes; posixpath keeps two slashes at the beginning."""
    return "/" + posixpath.normpath(path).lstrip("/")


def _places(homes: Iterable[str], shown: set[str]) -> set[str]:
    """What is hidden for homes: the directories that hold them, or the homes where a directory is to be seen."""
    found = set()
    for home in map(_normal, homes):
        if PLAIN.fullmatch(home) and not NOT_OURS.fullmatch(home) and not SHARED.fullmatch(home):
            parent = posixpath.dirname(home)
            found.add(home if SHARED.fullmatch(parent) or parent in shown else parent)
    return found


def _hides(other: str, place: str, shown: list[str]) -> bool:
    """Whether a place needs nothing of its own, because it stands in another and nothing shown there has it inside."""
    return _is_below(place, other) and not any(_is_below(place, path) and _is_below(path, other) for path in shown)


def _is_below(inner: str, outer: str) -> bool:
    """Whether a path is another one or stands in it."""
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")
