# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies databases of SQLite that are in use. Releases of the hub hold this file, and the program of backups."""

from __future__ import annotations

import contextlib
import urllib.parse


def copy(source: str, target: str, timeout: float = 5) -> str:
    """Copies a database with all that was committed, also what its log still holds, to a new or an empty file.

    Waits `timeout` seconds for whoever has it locked. Returns what is wrong with the copy, empty where it is whole.
    """
    # The standard library of a minimal Python lacks it.
    import sqlite3

    # Not made anew where it is missing. A log that nobody closed is read, which writes beside it.
    address = f"file:{urllib.parse.quote(source)}?mode=rw"
    try:
        with (
            contextlib.closing(sqlite3.connect(address, uri=True, timeout=timeout)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            found = new.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        found = str(error)
    return "" if found == "ok" else found
