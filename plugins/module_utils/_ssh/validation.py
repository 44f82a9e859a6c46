# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against new rules for sudo and a new drop-in for sshd. Raises ValueError, whose text says what to do."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd, sudoers
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import Values
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.stage import Stage


def require_sudo(stage: Stage, before: str | None, after: str | None, connected_as: str) -> None:
    """Requires rules that sudo reads, and that leave the account of the connection its sudo.

    `before` and `after` are the texts of the rules, None for no file.
    """
    checked = stage.check_sudoers()
    if after is not None and not stage.reads_rules(checked):
        raise ValueError(
            f"{sudoers.MAIN} does not read {sudoers.DIRECTORY}: add the line '@includedir {sudoers.DIRECTORY}' to it."
        )
    if connected_as in sudoers.names(before or "") and stage.sudo_of(connected_as) == "none":
        raise ValueError(
            f"{connected_as}: is the account of this connection, and would lose its sudo. List it in "
            "ssh_access_administrators with sudo, or connect as another one."
        )


def require_drop_in(stage: Stage, text: str | None, effective: Values, names: Iterable[str]) -> None:
    """Requires that every value of the drop-in holds, in general and for each of these accounts.

    `text` is the drop-in's, None for no file; `effective` is what holds in general. Raises SshdError as well.
    """
    if not stage.has_drop_ins() or not sshd.is_included():
        raise ValueError(
            f"{sshd.MAIN} does not read {sshd.DIRECTORY}: make its first line 'Include {sshd.DIRECTORY}/*.conf'."
        )
    if text is None:
        return
    ours = stage.drop_in()
    _require_effect(ours, text, effective, "")
    for name in names:
        _require_effect(ours, text, stage.effective(name), f" for {name}")


def _require_effect(ours: Values, text: str, effective: Values, scope: str) -> None:
    for keyword in sshd.differences(ours, text, effective):
        places = ", ".join(sshd.origins(keyword)) or "a file that is read before"
        value = "; ".join(effective.get(keyword, ("unset",)))
        raise ValueError(
            f"{keyword} would be '{value}'{scope} and not '{'; '.join(ours[keyword])}': an earlier setting or one "
            f"for a Match wins. Look at {places}: take it out there, or say the same in the role's variables."
        )
