# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files that may be missing."""

from __future__ import annotations


def read_or_none(path: str) -> bytes | None:
    """The content of a file; None if it does not exist. Raises other OSErrors."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def text_or_none(path: str) -> str | None:
    """The text of a UTF-8 file, with U+FFFD for invalid bytes; None if it does not exist. Raises other OSErrors."""
    data = read_or_none(path)
    return None if data is None else data.decode(errors="replace")
