# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters on a host, and what it lets in now."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.nftables import TABLE_BEFORE, Nftables
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.pending_change import PendingChange
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import MARK, Opening, removal, ufw_openings
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.tools import FirewallError
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.ufw import UFW_BEFORE, Ufw


@dataclass(frozen=True)
class PacketFilter:
    """What filters on a host, None for what is not installed, and the change of it that waits to be confirmed."""

    nftables: Nftables | None
    ufw: Ufw | None
    pending: PendingChange
    is_ufw: bool  # whether ufw is active, so that the ports are rules of it

    @property
    def backend(self) -> str:
        """Its name, as the module returns it."""
        return "ufw" if self.is_ufw else "nftables"

    @property
    def is_installed(self) -> bool:
        """Whether there is a program that changes it."""
        return self.is_ufw or self.nftables is not None


@dataclass(frozen=True)
class PresentState:
    """What a host lets in. A change that waits to be confirmed is no part of it, because a run first reverts that."""

    is_pending: bool
    table: str  # as the kernel lists it, empty for none
    file: str | None  # the text from which the table is loaded at boot, None for no file
    ours: list[Opening]  # rules of ufw with our comment
    theirs: list[Opening]  # rules of ufw of others


def read_state(packet_filter: PacketFilter, path: str) -> PresentState:
    """Reads the host; `path` is the file of the table. Raises FirewallError and OSError."""
    ours, theirs = _ufw_openings(packet_filter)
    return PresentState(
        is_pending=packet_filter.pending.is_pending(),
        table=_table(packet_filter),
        file=_own_text(path),
        ours=ours,
        theirs=theirs,
    )


def _table(packet_filter: PacketFilter) -> str:
    if packet_filter.nftables is None:
        return ""
    saved = packet_filter.pending.saved(TABLE_BEFORE)
    return packet_filter.nftables.live() if saved is None else saved.removeprefix(removal())


def _ufw_openings(packet_filter: PacketFilter) -> tuple[list[Opening], list[Opening]]:
    if packet_filter.ufw is None:
        return [], []
    saved = packet_filter.pending.saved(UFW_BEFORE)
    return ufw_openings(packet_filter.ufw.added() if saved is None else saved)


def _own_text(path: str) -> str | None:
    text = text_or_none(path)
    if text is not None and MARK not in text:
        raise FirewallError(f"{path} is somebody else's: it lacks the text '{MARK}'. Rename it.")
    return text
