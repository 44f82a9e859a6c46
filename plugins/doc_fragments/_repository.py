# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: it may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    """The options of modules that open a repository of backups; ARGUMENTS in module_utils/_state/repository.py."""

    DOCUMENTATION = r"""
options:
  repository:
    description: Address of the repository, in the words of restic.
    type: str
    default: ""
  password:
    description: Its password.
    type: str
    default: ""
  environment:
    description: Secrets of its target, by the names of variables that restic reads.
    type: dict
    default: {}
  ssh_key:
    description: Private key for sftp.
    type: str
    default: ""
  known_hosts:
    description: Lines of C(known_hosts) for sftp.
    type: str
    default: ""
attributes:
  diff_mode:
    support: none
    details: Secrets are never shown.
requirements:
  - restic on the target
"""
