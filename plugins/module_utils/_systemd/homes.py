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


def is_person(uid: int) -> bool:
    """Whether an account is a person's: not the system's, nor nobody's, nor one that systemd makes for a service."""
    return 1000 <= uid <= 60000 or uid >= 65536


def hiding(homes: Iterable[str], shown: Iterable[str]) -> dict[str, list[str]]:
    """Directives of the section Service that hide homes, and what stands beside them, but for what is shown.

    `homes` are the absolute paths of all people's homes, and `shown` those that the server needs, its own home among
    them; the caller binds these. A directory with homes is closed; one that holds something shown is empty but for
    that. A home that PLAIN does not match hides nothing.
    """
    shown = [_normal(path.lstrip("-+")) for path in shown]
    places = {place for home in homes for place in _places(_normal(home))}
    hidden = {place for place in places if not any(_is_below(place, path) for path in shown)}
    # What stands in a directory that is hidden needs nothing of its own.
    hidden = {place for place in hidden if not any(_is_below(place, other) for other in hidden - {place})}
    emptied = {place for place in hidden if any(_is_below(path, place) for path in shown)}
    found = {
        "TemporaryFileSystem": [f"{place}:ro" for place in sorted(emptied)],
        "InaccessiblePaths": [f"-{place}" for place in sorted(hidden - emptied)],
    }
    return {name: values for name, values in found.items() if values}


def _normal(path: str) -> str:
    """The path without `..`, doubled and trailing slashes; posixpath keeps two slashes at the beginning."""
    return "/" + posixpath.normpath(path).lstrip("/")


def _places(home: str) -> list[str]:
    """What is hidden for a home: the directory that holds it, or the home itself."""
    if not PLAIN.fullmatch(home) or NOT_OURS.fullmatch(home) or SHARED.fullmatch(home):
        return []
    parent = posixpath.dirname(home)
    return [home if SHARED.fullmatch(parent) else parent]


def _is_below(path: str, place: str) -> bool:
    """Whether a path is a place or stands in it."""
    return path == place or path.startswith(place.rstrip("/") + "/")
