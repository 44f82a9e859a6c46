# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Homes of people over NFSv4: who exports them, to whom, and the units by which clients mount them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import networks, sandbox
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ACCOUNT

USES = ("systemd",)
# The groups of the inventory that say what a host is, and what is asked of their hosts.
GROUPS = {"nfs_home_server": "server", "nfs_home_clients": "client"}
FACTS = ("default_ipv4", "default_ipv6", "getent_passwd", "hostname")
PORT = 2049
PACKAGES = {"server": ["nfs-kernel-server"], "client": ["nfs-common"]}
# Both packages need it, and NFSv4 does not.
PORTMAPPER = "rpcbind"
PORTMAPPER_UNITS = ("rpcbind.socket", "rpcbind.service")
STATE = "/etc/nbops-nfs-home"
INSTALLED = f"{STATE}/installed"
EXPORTS = "/etc/exports.d/nbops-nfs-home.exports"
SERVER_CONFIGURATION = "/etc/nfs.conf.d/nbops-nfs-home.conf"
# Without version 2, which it no longer speaks, mountd does not listen either.
SERVER_TEXT = "[nfsd]\nvers2=n\nvers3=n\nvers4=y\n"
EXPORT_OPTIONS = "rw,sync,no_subtree_check,root_squash,sec=sys"
# A program whose server is away waits for it; whatever it was told to have been written has been.
# Without `nofail`, nobody could log in before the server is there where a service at boot needs a home.
MOUNT_OPTIONS = "hard,nosuid,nodev,nofail"
MOUNT_SECONDS = 30
WAIT = "nbops-nfs-home.service"
# Directories of the system, which a mount would hide, or whose files an export would show.
SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "tmp", "usr")
PATH = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")
SOURCE = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):(/[A-Za-z0-9_./-]*)")


def problems(given: Given) -> list[str]:
    """What is wrong with the settings, and with what the hosts have answered."""
    settings = given.settings
    if not parts_of(given):
        return [
            "nfs_home: the host is in none of the groups nfs_home_server and nfs_home_clients; put it into one, or "
            "write nfs_home_roles."
        ]
    found = [*_path(settings["path"])]
    if settings["state"] == "absent":
        return [*found, *_clients_left(given)]
    found += [*_addresses(settings), *_people(settings["people"]), *_server(given)]
    if found or not given.host.get("asked"):
        return found
    return [*_answers(given), *_mount_point(given), *_homes(given)]


def plan(given: Given) -> dict[str, Any]:
    """What the role does; nothing of it is secret. Addresses follow from the answers of hosts."""
    settings, roles = given.settings, parts_of(given)
    path = settings["path"]
    made = {
        "state": settings["state"],
        "roles": roles,
        "path": path,
        "packages": sorted({PORTMAPPER, *(package for role in roles for package in PACKAGES[role])}),
        "ask": unknown(given),
        "people": settings["people"],
        "directory": STATE,
        "installed": INSTALLED,
        "portmapper": {"package": PORTMAPPER, "units": list(PORTMAPPER_UNITS)},
        "server": {"package": PACKAGES["server"][0], "unit": "nfs-server.service"},
        "mount": _unit_names(path)[1],
    }
    if settings["state"] == "absent":
        return {
            **made,
            "units": [{"name": name, "state": "absent"} for name in (*_unit_names(path), WAIT)],
            "exports": {"path": EXPORTS},
            "kept_packages": _kept_packages(given),
            "remains": [SERVER_CONFIGURATION, STATE],
        }
    if not given.host.get("asked"):
        return made
    clients = clients_of(given)
    exports = "".join(f"{path} {client}({EXPORT_OPTIONS})\n" for client in clients)
    return {
        **made,
        "exports": {"path": EXPORTS, "text": exports, "shown": [f"{path} {client}" for client in clients]},
        "configuration": {"path": SERVER_CONFIGURATION, "text": SERVER_TEXT},
        "source": _source(given) if "client" in roles else "",
        "units": _units(path, _source(given)) if "client" in roles else [],
        "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
    }


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made.get("units", []), made.get("profiles", {}))


def parts_of(given: Given) -> list[str]:
    """What the host is. Where the server is, homes are there, and nothing is mounted over them."""
    said = given.settings["roles"] or [GROUPS[group] for group in GROUPS if group in given.host.get("group_names", ())]
    return ["server"] if "server" in said else sorted(set(said))


def clients_of(given: Given) -> list[str]:
    """The addresses and networks to which the server exports the homes."""
    if said := given.settings["client_addresses"]:
        return list(dict.fromkeys(said))
    server = given.hosts_of("nfs_home_server")
    hosts = {name: facts for name, facts in given.hosts_of("nfs_home_clients").items() if name not in server}
    return sorted({address for facts in hosts.values() for address in networks.addresses_of(facts)})


def unknown(given: Given) -> list[str]:
    """The hosts whose addresses have to be asked still: clients by the server, and the server by clients."""
    settings, roles = given.settings, parts_of(given)
    if settings["state"] == "absent":
        return []
    asked: dict[str, Any] = {}
    if "server" in roles and not settings["client_addresses"]:
        asked |= given.hosts_of("nfs_home_clients")
        asked = {name: facts for name, facts in asked.items() if name not in given.hosts_of("nfs_home_server")}
    if "client" in roles and not (settings["source"] or settings["server_address"]):
        asked |= given.hosts_of("nfs_home_server")
    return sorted(name for name, facts in asked.items() if not networks.addresses_of(facts))


def openings(given: Given) -> list[dict[str, Any]]:
    """The port of the server, as entries of `firewall_open`, for its clients alone."""
    is_server = given.settings["state"] == "present" and "server" in parts_of(given)
    clients = clients_of(given) if is_server else []
    return [{"port": PORT, "sources": clients}] if clients else []


def escaped(path: str) -> str:
    """A path as systemd writes it in the name of a unit."""
    named = re.sub(r"[^A-Za-z0-9:_./]", lambda found: f"\\x{ord(found[0]):02x}", path.strip("/"))
    return named.replace("/", "-")


def _unit_names(path: str) -> tuple[str, str]:
    """The automount first: while it is there, the mount comes back."""
    return f"{escaped(path)}.automount", f"{escaped(path)}.mount"


def _units(path: str, source: str) -> list[dict[str, Any]]:
    """Mounted when somebody goes there, so that neither a boot nor a run waits for a server that is away."""
    automount, mount = _unit_names(path)
    return [
        _waiting(SOURCE.fullmatch(source)[1].strip("[]")),
        {
            "name": mount,
            "enabled": False,
            "started": False,
            "sections": {
                "Unit": {
                    "Description": "Homes of people",
                    "Requires": WAIT,
                    "After": WAIT,
                    # Refused five times within seconds, the automount would end for good, and show the bare directory.
                    "StartLimitIntervalSec": 0,
                },
                "Mount": {
                    "What": source,
                    "Where": path,
                    "Type": "nfs4",
                    "Options": MOUNT_OPTIONS,
                    "TimeoutSec": MOUNT_SECONDS,
                },
            },
        },
        {
            "name": automount,
            "sections": {
                "Unit": {"Description": "Homes of people, when somebody goes there", "Before": "remote-fs.target"},
                "Automount": {"Where": path},
                "Install": {"WantedBy": "remote-fs.target"},
            },
        },
    ]


def _waiting(server: str) -> dict[str, Any]:
    """What a mount waits for. systemd starts no service again whose mount has failed.

    The mount has a limit of its own because it holds for unmounting as well, and so for a shutdown without the server.
    """
    answers = f'timeout 10 bash -c "</dev/tcp/{server}/{PORT}"'
    return {
        "name": WAIT,
        "sandbox": "daemon",
        "enabled": False,
        "started": False,
        "sections": {
            "Unit": {
                "Description": "Wait for the server of the homes",
                "Wants": "network-online.target",
                "After": "network-online.target",
                "StartLimitIntervalSec": 0,
            },
            "Service": {
                "Type": "oneshot",
                "DynamicUser": True,
                "TimeoutStartSec": "infinity",
                "ExecStart": f"/bin/bash -c 'until {answers} 2>/dev/null; do sleep 2; done'",
            },
        },
    }


def _source(given: Given) -> str:
    settings = given.settings
    if settings["source"]:
        return settings["source"]
    answered = [
        address for facts in given.hosts_of("nfs_home_server").values() for address in networks.addresses_of(facts)
    ]
    address = settings["server_address"] or answered[0]
    return f"[{address}]:{settings['path']}" if ":" in address else f"{address}:{settings['path']}"


def _path(path: str) -> Iterator[str]:
    if not PATH.fullmatch(path):
        yield f"nfs_home_path: '{path}' must be an absolute path of letters, digits, _, . and -, such as /srv/homes."
    elif path.split("/")[1] in SYSTEM:
        yield f"nfs_home_path: {path} is the system's; write a directory of its own, such as /srv/homes."


def _addresses(settings: Mapping[str, Any]) -> Iterator[str]:
    yield from networks.networks("nfs_home_client_addresses", settings["client_addresses"])
    for text in settings["client_addresses"]:
        if networks.is_everybody(text):
            yield (
                f"nfs_home_client_addresses: {text} is everybody, who would read and write all homes; name the clients."
            )
    if settings["source"] and not SOURCE.fullmatch(settings["source"]):
        yield (
            f"nfs_home_source: '{settings['source']}' must be a host and the directory that it exports, such as "
            "nfs.example.org:/home."
        )
    if settings["server_address"]:
        try:
            ipaddress.ip_address(settings["server_address"])
        except ValueError:
            yield (
                f"nfs_home_server_address: '{settings['server_address']}' must be an IP address by which clients reach "
                "the server, such as 10.0.0.5."
            )


def _people(people: list[str]) -> Iterator[str]:
    for name in people:
        if not ACCOUNT.fullmatch(name):
            yield f"nfs_home_people: '{name}' must be the name of an account, such as ada."


def _server(given: Given) -> Iterator[str]:
    settings, servers, roles = given.settings, given.hosts_of("nfs_home_server"), parts_of(given)
    if len(servers) > 1:
        yield (
            f"nfs_home: the group nfs_home_server must have one host, not {len(servers)}: {', '.join(sorted(servers))}."
        )
    if settings["source"] and servers:
        yield (
            "nfs_home_source: the homes are on a server that is there already, and the group nfs_home_server has a "
            "host for them; keep one."
        )
    if "client" in roles and not (servers or settings["source"] or settings["server_address"]):
        yield (
            "nfs_home_source: the group nfs_home_server is empty; put the host of the homes into it, or write which "
            "file server has them, such as nfs.example.org:/home."
        )
    others = set(given.hosts_of("nfs_home_clients")) - set(servers)
    if "server" in roles and not (others or settings["client_addresses"]):
        yield (
            "nfs_home_client_addresses: the group nfs_home_clients is empty; put the hosts into it that mount the "
            "homes, or write their addresses."
        )


def _answers(given: Given) -> Iterator[str]:
    for name in unknown(given):
        yield (
            f"nfs_home: {name} does not answer, or has no default route, so its address is unknown; start it, or write "
            "nfs_home_server_address or nfs_home_client_addresses."
        )


def _mount_point(given: Given) -> Iterator[str]:
    """A mount must hide nothing: the account by which Ansible comes may have its key there."""
    if "client" not in parts_of(given) or unknown(given):
        return
    path, source = given.settings["path"], _source(given)
    mounted = [line for line in map(_mounted, given.host.get("mounts", ())) if line[0] == path]
    if mounted:
        _path_there, kind, there = mounted[-1]
        if kind != "autofs" and there != source:
            yield (
                f"nfs_home_path: on the host, {there} is mounted at {path} already, not {source}; end what uses it, "
                "take it out of /etc/fstab, unmount it, and run again."
            )
    elif entries := given.host.get("entries", ()):
        shown = ", ".join(sorted(entries)[:3]) + (", ..." if len(entries) > 3 else "")
        yield (
            f"nfs_home_path: {path} on the host has something in it ({shown}), which the mount would hide; move it to "
            "the server, or write another nfs_home_path."
        )


def _mounted(line: str) -> tuple[str, str, str]:
    """Of a line of mountinfo the mount point, the type and the source."""
    before, _dash, after = line.partition(" - ")
    kind, source = [*after.split(" "), "", ""][:2]
    return ([*before.split(" "), "", "", "", "", ""][4], kind, source)


def _homes(given: Given) -> Iterator[str]:
    """Of people whose homes the server makes, the accounts must say that they are there."""
    if "server" not in parts_of(given):
        return
    path, accounts = given.settings["path"], given.host.get("accounts", ())
    homes = {fields[0]: fields[5] for fields in (line.split(":") for line in accounts) if len(fields) > 5}
    for name in given.settings["people"]:
        if name not in homes:
            yield (
                f"nfs_home_people: the server has no account {name}; make it there, with the number of the other hosts."
            )
        elif homes[name].rstrip("/") != f"{path}/{name}":
            yield (
                f"nfs_home_people: the home of {name} is {homes[name]} on the server, not {path}/{name}; move it by "
                f"`usermod --move-home --home {path}/{name} {name}`."
            )


def _clients_left(given: Given) -> Iterator[str]:
    """Clients that have the homes of a server mounted would wait for it for ever."""
    exports = [line.partition("(")[0].partition(" ")[2] for line in given.host.get("exported", ())]
    clients = [ipaddress.ip_network(client) for client in exports if networks.is_network(client)]
    for address in _served(given.host.get("served", ())):
        if any(ipaddress.ip_address(address) in client for client in clients):
            yield (
                f"nfs_home_state: {address} has homes of the server mounted; take them away there first, by the same "
                "role, and run again."
            )


def _served(lines: Iterable[str]) -> list[str]:
    """The addresses of clients that the server hears from. It tells of each its address, then its status."""
    found, address = set(), ""
    for line in lines:
        key, _colon, value = line.partition(": ")
        if key == "address":
            address = value.strip('"').rpartition(":")[0].strip("[]")
        elif key == "status" and value == "confirmed":
            found.add(address)
    return sorted(found)


def _kept_packages(given: Given) -> list[str]:
    """Those of the role's packages that something else needs by now: another export, or another mount."""
    path = given.settings["path"]
    if any(exported.split() and exported.split()[0] != path for exported in given.host.get("shown", ())):
        return sorted({PORTMAPPER, *PACKAGES["client"], *PACKAGES["server"]})
    points = [point for point, kind, _source in map(_mounted, given.host.get("mounts", ())) if kind in ("nfs", "nfs4")]
    others = [point for point in points if not (point == path and given.host.get("mounts_path"))]
    return sorted({PORTMAPPER, *PACKAGES["client"]}) if others else []
