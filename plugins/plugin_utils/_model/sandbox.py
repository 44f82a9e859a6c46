# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sandbox profiles: what a service may still do under each. The README of the systemd role says why and how much."""

from __future__ import annotations

from typing import Any

from ansible.utils.vars import merge_hash

# Where clouds hand out their secrets to whoever asks from inside, and where that is said.
METADATA = (
    # AWS, Azure, Google, OpenStack, Oracle, DigitalOcean, Hetzner and most others.
    "169.254.169.254",
    # AWS by IPv6: docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    "fd00:ec2::254",
    # Credentials of tasks of ECS and pods of EKS: docs.rs/aws-config/latest/aws_config/ecs
    *("169.254.170.2", "169.254.170.23", "fd00:ec2::23"),
    # Google by IPv6: github.com/GoogleCloudPlatform/k8s-config-connector takes it for metadata.google.internal
    "fd20:ce::254",
    # Azure's wire server: learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
    "168.63.129.16",
    # OpenStack by IPv6: specs.openstack.org/openstack/neutron-specs/specs/ussuri/metadata-add-ipv6-support.html
    "fe80::a9fe:a9fe",
    # Oracle by IPv6: github.com/oracle/oci-python-sdk, auth/signers/instance_principals_security_token_signer.py
    "fd00:c1::a9fe:a9fe",
    # Akamai (Linode) by IPv6: techdocs.akamai.com/cloud-computing/docs/metadata-service-api
    "fd00:a9fe:a9fe::1",
    # Alibaba and Scaleway: github.com/canonical/cloud-init, doc/rtd/reference/datasources
    *("100.100.100.200", "169.254.42.42", "fd00:42::42"),
)
DENIED = " ".join(METADATA)
# What a service sees of /run beside its own RuntimeDirectory= and credentials, which systemd adds by itself. The other
# sockets there are doors out of the sandbox: through the system bus, systemd runs what it is told to outside.
# These only take messages: syslog(3), the journal's own protocol, and sd_notify(3), where the unit's Type= asks for it.
MESSAGES = [*(f"-/run/systemd/journal/{socket}" for socket in ("dev-log", "socket", "stdout")), "-/run/systemd/notify"]
NAMES = [
    # What /etc/resolv.conf links to. Directories where they hold no more, because these files are replaced.
    *("-/run/systemd/resolve", "-/run/resolvconf", "-/run/NetworkManager/resolv.conf"),
    # Daemons that know the accounts of a directory service; sssd's is in /var/lib/sss.
    *("-/run/nscd", "-/run/nslcd", "-/run/samba/winbindd"),
]
# For root's programs that tell services of the host what to do: they see all of /run.
WHOLE_RUN = {"TemporaryFileSystem": None, "BindReadOnlyPaths": None}
STANDARD = {
    "NoNewPrivileges": True,
    "CapabilityBoundingSet": "",
    "PrivateUsers": True,
    "UMask": "0077",
    # Files: the system is read-only, homes are empty, /tmp, /dev and /run are its own.
    "ProtectSystem": "strict",
    "ProtectHome": "tmpfs",
    "PrivateTmp": True,
    "PrivateMounts": True,
    "TemporaryFileSystem": ["/run:ro"],
    "BindReadOnlyPaths": [*MESSAGES, *NAMES],
    # Managers of containers whose socket is elsewhere, and may belong to a group of the account.
    "InaccessiblePaths": ["-/var/lib/incus", "-/var/lib/lxd", "-/var/snap/lxd"],
    "PrivateDevices": True,
    "DevicePolicy": "closed",
    # Kernel: nothing of it can be seen or set that a program does not need.
    "PrivateIPC": True,
    "KeyringMode": "private",
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
    "IPAddressDeny": DENIED,
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
