# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action and the module `packages` are given; the one hands it to the other."""

from __future__ import annotations

ARGUMENT_SPEC = {
    "names": {"type": "list", "elements": "str", "default": []},
    "note": {"type": "path"},
    "start": {"type": "bool", "default": True},
}
