# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program that sees other directories in the place of the host's, to judge what is not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SCRIPT = 'while [ "$1" != -- ]; do mount --bind "$2" "$1" || exit; shift 2; done; shift; exec "$@"'


def command(replacements: Mapping[str, str], argv: Sequence[str]) -> list[str]:
    """The command line for a program in a mount namespace of its own, with directories by the paths that they replace.

    It needs CAP_SYS_ADMIN. Root has it on every machine; a container has to be given it.
    """
    mounts = [path for pair in replacements.items() for path in pair]
    return ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", *mounts, "--", *argv]
