# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often something is looked at."""

from __future__ import annotations

LONGEST_SECONDS = 300


def cull_interval(idle_seconds: int) -> int:
    """Seconds between two looks for what is idle, so that a time of idleness is kept to a quarter of itself."""
    return min(LONGEST_SECONDS, max(idle_seconds // 4, 1))
