# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mark is a text by which files of this collection are told from files of the host's administrator."""

from __future__ import annotations


def require_mark(path: str, text: str | None, mark: str) -> None:
    """Raises ValueError if a file exists (its text is not None) and lacks the mark."""
    if text is not None and mark not in text:
        raise ValueError(f"{path} is somebody else's: it lacks the text '{mark}'. Rename it, or choose another name.")
