# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the caller's in a release, beside its packages."""

from __future__ import annotations

import os

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import MARKER
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.venv import write_file


def placeable(files: dict) -> dict[str, str]:
    """The files (text by relative path), if they have a place inside a release.

    Raises ValueError where one leads out of it, would pass for the marker, or is no text.
    """
    for path, text in files.items():
        parts = str(path).split("/")
        if {"", os.curdir, os.pardir} & set(parts) or parts == [MARKER]:
            raise ValueError(
                f"files: '{path}' is no place inside a release: write a relative path without . or .., not {MARKER}"
            )
        if not isinstance(text, str):
            raise ValueError(f"files: what '{path}' holds is no text: put it in quotes")
    return {str(path): text for path, text in files.items()}


def place_files(release: str, files: dict[str, str]) -> None:
    """Writes the files, and makes the directories that they need.

    Raises BuildError where something is there already: it may be a hard link into the cache that releases share.
    """
    for path, text in sorted(files.items()):
        place = os.path.join(release, path)
        if os.path.lexists(place):
            raise BuildError(f"files: the release holds a {path} already: choose another path")
        os.makedirs(os.path.dirname(place), exist_ok=True)
        write_file(place, text)
