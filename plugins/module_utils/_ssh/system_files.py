# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two files of the host's configuration: the rules for sudo, and the drop-in for sshd."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd, sudoers

_MODES = {sudoers.NAME: 0o440, sshd.NAME: 0o644}


def read() -> dict[str, str | None]:
    """The texts of both files by path, None for no file. Raises OSError."""
    return {path: text_or_none(path) for path in (sudoers.PATH, sshd.PATH)}


def write(texts: Mapping[str, str | None], check_mode: bool = False) -> list[str]:
    """Gives files by these paths their texts and modes, None for no file; returns the paths of those that differed.

    Raises OSError.
    """
    changed = []
    for path, text in texts.items():
        files = ManagedFiles(check_mode)
        if text is None:
            files.remove(path)
        else:
            files.write(path, text, _MODES[os.path.basename(path)])
        if files.changed:
            changed.append(path)
    return changed
