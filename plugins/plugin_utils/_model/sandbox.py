# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sandbox profiles: what a service may still do under each. The README of the systemd role says why and how much."""

from __future__ import annotations

from typing import Any

from ansible.utils.vars import merge_hash

METADATA = "169.254.169.254 169.254.170.2 100.100.100.200 fd00:ec2::254"
STANDARD = {
    "NoNewPrivileges": True,
    "CapabilityBoundingSet": "",
    "PrivateUsers": True,
    "UMask": "0077",
    # Files: the system is read-only, homes are empty, /tmp and /dev are its own.
    "ProtectSystem": "strict",
    "ProtectHome": "tmpfs",
    "PrivateTmp": True,
    "PrivateMounts": True,
    "PrivateDevices": True,
    "DevicePolicy": "closed",
    # Kernel: nothing of it can be seen or set that a program does not need.
    "PrivateIPC": True,
    "ProtectProc": "invisible",
    "ProtectClock": True,
    "ProtectHostname": True,
    "ProtectControlGroups": True,
    "ProtectKernelLogs": True,
    "ProtectKernelModules": True,
    "ProtectKernelTunables": True,
    "RestrictNamespaces": True,
    "RestrictRealtime": True,
    "RestrictSUIDSGID": True,
    "LockPersonality": True,
    "SystemCallArchitectures": "native",
    # @resources: libzmq, below every Jupyter kernel, sets its threads' scheduling and aborts when that is refused.
    # setuid: programs such as gnuplot end when they cannot drop privileges, even those they do not have.
    "SystemCallFilter": ["@system-service", "~@privileged", "setuid"],
    # A refused call is an error that the program can handle.
    "SystemCallErrorNumber": "EPERM",
    # AF_NETLINK lists the network interfaces, which libzmq does, and aborts when that is refused.
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    # The addresses where clouds hand out their secrets.
    "IPAddressDeny": METADATA,
}
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
    "air_gapped": {
        **STANDARD,
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
