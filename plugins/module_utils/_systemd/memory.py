# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of memory against the memory of the host."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

_AMOUNT = re.compile(r"[0-9]+[KMGT]?")
_GIB = 2**30


def of_host() -> int:
    """The bytes of memory that the host has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def beyond(units: list[dict], total: int) -> Iterator[str]:
    """A warning for each unit whose `memory_max` is more than `total` bytes: the host runs out before it holds."""
    for unit in units:
        said = (unit.get("limits") or {}).get("memory_max") or ""
        # A share of the memory, and infinity, are meant so.
        if unit["state"] == "present" and _AMOUNT.fullmatch(said) and amount(said) > total:
            yield (
                f"{unit['name']}: memory_max is {said}, and this host has {total / _GIB:.1f}G of memory: without a "
                "lower limit, the unit may take all of it, and others are killed for it."
            )


def amount(text: str) -> int:
    """The bytes of an amount in systemd's words, such as 2G."""
    return int(text.rstrip("KMGT")) * 1024 ** (" KMGT".index(text[-1]) if text[-1] in "KMGT" else 0)
