# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module would take over from the login and from the way of becoming root."""

from __future__ import annotations

import os

# Where Debian has its programs. `su`, and a secure_path of sudo, may leave out those that have useradd and nft.
DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


def disregard(umask: int = 0o022) -> None:
    """Gives this process and its programs the umask, a PATH with Debian's directories first, and plain English.

    Messages are searched for words, and end up in those of the modules.
    """
    os.umask(umask)
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ.pop("LANGUAGE", None)
    os.environ["PATH"] = complete(os.environ.get("PATH", ""))


def complete(path: str) -> str:
    """A PATH with all of Debian's directories, before those of whoever logged in."""
    others = (directory for directory in path.split(":") if directory and directory not in DIRECTORIES)
    return ":".join([*DIRECTORIES, *others])
