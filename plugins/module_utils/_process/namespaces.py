# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program in a mount namespace, where it sees files that are not on disk yet, to test them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SCRIPT = 'while [ "$1" != -- ]; do mount --bind "$2" "$1" || exit; shift 2; done; shift; exec "$@"'


def command(replacements: Mapping[str, str], argv: Sequence[str]) -> list[str]:
    """The command line that runs a program with directories mounted over the paths that they replace.

    `replacements` maps a path to the directory that the program finds there. Mounting needs CAP_SYS_ADMIN: root has it
    on every machine, a container needs it added.
    """
    mounts = [path for pair in replacements.items() for path in pair]
    return ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", *mounts, "--", *argv]
