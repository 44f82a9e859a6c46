# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts of a host are people's. A release of the hub has a copy."""

from __future__ import annotations


def is_person(uid: int) -> bool:
    """Whether the number of an account or group is a person's, as Debian's policy divides them.

    Not one of the system's, nor nobody's, nor one that systemd makes for a service.
    """
    return 1000 <= uid <= 60000 or uid >= 65536
