# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that says what administrators may do as others, one line for each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

MAIN = "/etc/sudoers"
DIRECTORY = "/etc/sudoers.d"
NAME = "nbops-administrators"
PATH = f"{DIRECTORY}/{NAME}"
MARK = "# role nbops.jupyter.ssh_access"
EVERYTHING = "ALL"

_LINE = re.compile(r"(?P<name>[a-z_][a-z0-9_.-]*) ALL=.*")
_INCLUDE = re.compile(r'^\s*[@#]includedir\s+"?(?P<directory>[^"\s]+?)/?"?\s*$', re.MULTILINE)
_PERMISSION = re.compile(r"\s+\((?:ALL|root)(?:\s*:\s*ALL)?\)\s+(?P<tags>(?:[A-Z]+:\s*)*)ALL\s*")


def names(text: str) -> set[str]:
    """Who has a line in the file."""
    return {match["name"] for match in map(_LINE.fullmatch, text.splitlines()) if match}


def changed(text: str, lines: dict[str, str | None]) -> str:
    """The file's text with the lines of these people replaced, None for who has none; empty if nobody has one.

    Lines of people who are not named stay as they are.
    """
    found = {match["name"]: match[0] for match in map(_LINE.fullmatch, text.splitlines()) if match}
    found.update({name: line for name, line in lines.items() if line is not None})
    kept = [found[name] for name in sorted(found) if lines.get(name, "") is not None]
    return "".join(f"{line}\n" for line in [f"{MARK}: written by Ansible", *kept]) if kept else ""


def includes(text: str, directory: str) -> bool:
    """Whether the main file reads a directory."""
    return any(match["directory"] == directory for match in _INCLUDE.finditer(text))


def rules(text: str | None, people: Iterable[dict[str, Any]]) -> str | None:
    """The file's text with what these people as declared may do, None for no file, from the text that it has.

    Raises ValueError where it is the file of somebody else.
    """
    if text and MARK not in text:
        raise ValueError(f"{PATH} is somebody else's: it lacks the text '{MARK}'. Rename it.")
    lines = {}
    for person in people:
        sudo = person["sudo"] if person["state"] == "present" else "none"
        lines[person["name"]] = line(person["name"], sudo, person["sudo_commands"])
    return changed(text or "", lines) or None


def line(name: str, sudo: str, commands: list[str]) -> str | None:
    """What one person may do; None for nothing."""
    if sudo == "none":
        return None
    tag = "NOPASSWD: " if sudo == "nopasswd" else ""
    return f"{name} ALL=(ALL:ALL) {tag}{', '.join(commands)}"


def everything(listing: str) -> str:
    """From what `sudo --list` says of an account: how it may do everything, `nopasswd`, `password`, or `none`."""
    tags = [match["tags"] for match in map(_PERMISSION.fullmatch, listing.splitlines()) if match]
    if not tags:
        return "none"
    return "nopasswd" if any("NOPASSWD:" in tag for tag in tags) else "password"
