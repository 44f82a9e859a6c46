# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    """The options of modules that take a hub back; ARGUMENTS in module_utils/_hub/rollback.py."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of the hub; its unit is C(NAME.service).
    type: str
    required: true
  config:
    description: The hub's configuration. The default is C(/etc/NAME/config.json).
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: RV(restored) lists what goes back.
requirements:
  - for a hub with PostgreSQL, C(psql) and C(pg_restore) on the target, of the server's version or newer
"""
