#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packages
short_description: Install packages of Debian that are missing
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Installs by M(ansible.builtin.apt), without recommended packages, what dpkg does not list as installed.
  - M(ansible.builtin.apt) alone would load its index on every run.
  - In check mode it would fail on a host that never fetched the index.
  - Where it fails, the index is fetched again, however young it is, for one more attempt. The index of a cleaned image
    is young and empty, and that of an hour ago names versions that may be gone.
options:
  names:
    description: Names of the packages.
    type: list
    elements: str
    required: true
  start:
    description: Whether the services of packages that are installed start at once, with the settings of Debian.
    type: bool
    default: true
attributes:
  check_mode:
    description: Predicts what would be installed.
    support: full
    details:
      - Where something is missing, the package index is fetched for that.
  diff_mode:
    description: Shows what M(ansible.builtin.apt) shows.
    support: full
"""

EXAMPLES = r"""
- name: Install the compressor
  nbops.jupyter.packages:
    names: [brotli]
"""

RETURN = r"""
missing:
  description: The packages that were or would be installed.
  returned: success
  type: list
  elements: str
"""
