# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    """The option of modules that share directories with the host's own files."""

    DOCUMENTATION = r"""
options:
  mark:
    description: Text that every file of this configuration contains. Files without it belong to somebody else.
    type: str
    required: true
"""
