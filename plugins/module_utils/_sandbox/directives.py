# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The standard sandbox, as directives of systemd: for services, and for foreign code that a run of Ansible starts."""

from __future__ import annotations

from collections.abc import Mapping

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
    # Oracle Cloud Infrastructure Classic: docs.oracle.com/en/cloud/iaas/compute-iaas-cloud
    "192.0.0.192",
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
# Shared memory outlives who made it, so the host's own would keep that of servers which have ended. The size is Linux's
# default, and what is in it counts to the service's memory.
SHARED_MEMORY = "/dev/shm:mode=1777,nosuid,size=50%"  # noqa: S108 (the service's own)
STANDARD = {
    "NoNewPrivileges": True,
    "CapabilityBoundingSet": "",
    "PrivateUsers": True,
    "UMask": "0077",
    # Files: the system is read-only, homes are empty, /tmp, /dev, /dev/shm and /run are its own.
    "ProtectSystem": "strict",
    "ProtectHome": "tmpfs",
    "PrivateTmp": True,
    "PrivateMounts": True,
    "TemporaryFileSystem": ["/run:ro", SHARED_MEMORY],
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


def values_of(value: object) -> list[str]:
    """The values of a directive as systemd reads them, one a line."""
    if value is None:
        return []
    values = value if isinstance(value, (list, tuple)) else [value]
    return [("yes" if item else "no") if isinstance(item, bool) else str(item) for item in values]


def as_options(properties: Mapping[str, object]) -> list[str]:
    """Directives as options of systemd-run."""
    return [f"--property={key}={value}" for key, values in properties.items() for value in values_of(values)]
