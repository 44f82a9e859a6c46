# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sandbox profiles: what a service may still do under each. The README of the systemd role says why and how much."""

from __future__ import annotations

from typing import Any

from ansible.utils.vars import merge_hash
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import DENIED, MESSAGES, STANDARD

# For root's programs that tell services of the host what to do: they see all of /run.
WHOLE_RUN = {"TemporaryFileSystem": None, "BindReadOnlyPaths": None}
SHIPPED = {
    "standard": STANDARD,
    "daemon": {
        **STANDARD,
        "MemoryDenyWriteExecute": True,
        "RemoveIPC": True,
        "ProcSubset": "pid",
        "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    },
    "no_internet": {**STANDARD, "IPAddressDeny": "any", "IPAddressAllow": "localhost"},
    # The stub of systemd-resolved stays, without which no name has an address.
    "no_loopback": {
        **STANDARD,
        "IPAddressDeny": f"localhost {DENIED}",
        "IPAddressAllow": "127.0.0.53 127.0.0.54",
    },
    "air_gapped": {
        **STANDARD,
        # A daemon that resolves names would be a way out.
        "BindReadOnlyPaths": MESSAGES,
        "PrivateNetwork": True,
        "RestrictAddressFamilies": "AF_UNIX AF_NETLINK",
        "IPAddressDeny": "any",
    },
    "gpu": {
        **STANDARD,
        "PrivateDevices": False,
        "DeviceAllow": ["char-nvidia* rw", "char-drm rw", "char-kfd rw"],
    },
}


def profiles(own: dict[str, Any]) -> dict[str, Any]:
    """The shipped profiles with the changes and the own profiles of `systemd_sandbox_profiles`."""
    return merge_hash(SHIPPED, own)
