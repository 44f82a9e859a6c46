# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of Slurm: who is what, what each node has, and the configuration that is the same on every host."""

from __future__ import annotations

import collections
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import (
    networks,
    slurm_accounting,
    slurm_config,
    slurm_ssh,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.slurm_config import (
    AMOUNT,
    LABEL,
    amount_mib,
)

# The groups of the inventory that say what a host is, and what is asked of their hosts.
GROUPS = {
    "slurm_controller": "controller",
    "slurm_nodes": "node",
    "slurm_clients": "client",
    "slurm_database": "database",
}
FACTS = ("default_ipv4", "default_ipv6", "getent_passwd", "hostname", "memtotal_mb", "processor_nproc")
# Who has answered has said these. Others may have asked for less of a host before, in the same run.
ANSWERED = {"hostname", "memtotal_mb", "processor_nproc"}
PACKAGES = {
    "controller": ["slurmctld"],
    "node": ["slurmd"],
    "database": ["mariadb-server", "slurmdbd"],
}
SERVICES = ("slurmctld", "slurmd", "slurmdbd")
EVERYWHERE = ("munge", "slurm-client", "slurm-wlm-basic-plugins")
SECRETS = "/etc/nbops-slurm"
INSTALLED = f"{SECRETS}/installed"
KEY_NAME = "munge_key"
CONFIGURATION = {name: f"/etc/slurm/{name}.conf" for name in ("slurm", "cgroup", "job_container")}
KEY_FILE = "/etc/munge/munge.key"
DROP_IN = "nbops-slurm"
JOB_CONTAINER = "/var/lib/slurm/job_container"
# The name of the cluster and, after a line, its number.
CLUSTER_NUMBER = "/var/lib/slurm/slurmctld/clustername"
STATE = ("/var/lib/slurm/slurmctld", "/var/lib/slurm/slurmd")
# What Debian's packages give the account, if it is not there.
SLURM_UID = "64030"
# MUNGE takes none that is shorter.
SHORTEST_KEY = 32
# A kernel that keeps some megabytes more for itself hardly ever changes the configuration.
MEMORY_STEP_MIB = 256


def problems(given: Given) -> list[str]:
    """What is wrong with the settings, and with what the hosts have answered."""
    settings = given.settings
    if not parts_of(given):
        return [
            "slurm: the host is in none of the groups slurm_controller, slurm_nodes, slurm_clients and slurm_database; "
            "put it into one, or write slurm_roles."
        ]
    if settings["state"] == "absent":
        return []
    found = [
        *_names(settings),
        *_amounts(settings),
        *_key(given),
        *_controller(given),
        *_database(given),
        *slurm_accounting.problems(settings),
        *slurm_ssh.problems(settings),
        *slurm_config.problems(settings["config"], is_accounted=settings["accounting"]),
        *slurm_config.partition_problems(settings["partitions"]),
    ]
    if found or not given.host.get("asked"):
        return found
    return list(_answers(given)) or [*_cluster(given), *slurm_ssh.answer_problems(settings, given.host)]


def plan(given: Given) -> dict[str, Any]:
    """What the role does; nothing of it is secret. The configuration follows from the answers of hosts."""
    rest = _removal(given) if given.settings["state"] == "absent" else _deployment(given)
    return {**_host(given), **rest}


def _host(given: Given) -> dict[str, Any]:
    """What the host is in the cluster, and what it has and runs for that."""
    settings, roles = given.settings, parts_of(given)
    is_present = settings["state"] == "present"
    is_limited = settings["ssh_jobs_only"] and is_present and "node" in roles
    packages = [*EVERYWHERE, *(package for role in roles for package in PACKAGES.get(role, ()))]
    return {
        "state": settings["state"],
        "roles": roles,
        "packages": sorted([*packages, *([slurm_ssh.PACKAGE] if is_limited else [])]),
        "ssh": slurm_ssh.plan(settings, is_limited=is_limited),
        "secrets": SECRETS,
        "installed": INSTALLED,
        "key": {"name": KEY_NAME, "path": KEY_FILE, "is_made": not settings["munge_key"]},
        "controller": next(iter(given.hosts_of("slurm_controller")), ""),
        "database": next(iter(given.hosts_of("slurm_database")), ""),
        "configuration": CONFIGURATION,
        "units": _units(roles, is_present),
        "hostname": _hostname(given),
    }


def _removal(given: Given) -> dict[str, Any]:
    of_node = [] if "controller" in parts_of(given) else [f"--nodelist={_hostname(given)}"]
    return {
        "ask": [],
        "services": [f"{name}.service" for name in SERVICES],
        "jobs": ["/usr/bin/squeue", "--noheader", "--format=%i %T %u", *of_node],
        # Who used the database before, or has come to use it, keeps it.
        "kept_packages": slurm_accounting.KEPT_PACKAGES,
        "remains": [
            *CONFIGURATION.values(),
            slurm_accounting.CONFIGURATION,
            slurm_ssh.PROFILE,
            JOB_CONTAINER,
            *STATE,
            SECRETS,
        ],
    }


def _deployment(given: Given) -> dict[str, Any]:
    is_asked = bool(given.host.get("asked"))
    has_ipv6 = is_asked and bool(_of_ipv6(given))
    return {
        "ask": _unknown(given),
        "number": CLUSTER_NUMBER,
        "accounting": slurm_accounting.plan(given.settings, given.host.get("associations", ()), has_ipv6=has_ipv6),
        **(_configuration(given, has_ipv6=has_ipv6) if is_asked else {}),
    }


def _configuration(given: Given, *, has_ipv6: bool) -> dict[str, Any]:
    """The parts of slurm.conf, once all hosts have answered."""
    settings, nodes = given.settings, _nodes(given)
    derived = {
        "ClusterName": settings["cluster"],
        "SlurmctldHost": "{}({})".format(*_controller_address(given)),
        **slurm_accounting.controller_keys(settings, _database_address(given)),
        **(slurm_config.IPV6 if has_ipv6 else {}),
        "DefMemPerCPU": min((node["memory"] // node["cpus"] for node in nodes), default=0),
    }
    return {
        "config": slurm_config.merged(settings["config"], derived),
        "nodes": [slurm_config.node_line(node) for node in nodes],
        "partitions": [slurm_config.partition_line(partition) for partition in settings["partitions"]],
    }


def secrets(given: Given) -> dict[str, Any]:
    """The key of MUNGE, if it is said."""
    return {"munge_key": given.settings["munge_key"]}


def parts_of(given: Given) -> list[str]:
    """What the host is in the cluster; empty where it is none of it."""
    groups, settings = given.host.get("group_names", ()), given.settings
    roles = settings["roles"] or [role for group, role in GROUPS.items() if group in groups]
    # Where no host is said to have the accounting, the controller has it.
    is_database = settings["accounting"] and "controller" in roles and not given.hosts_of("slurm_database")
    return sorted({*roles, *(["database"] if is_database else [])})


def _facts(given: Given) -> dict[str, Any]:
    """The facts of the host itself."""
    return given.host.get("facts", {})


def _hostname(given: Given) -> str:
    """What the host calls itself; empty where it has not answered yet."""
    facts = _facts(given)
    return facts["hostname"] if ANSWERED.issubset(facts) else ""


def _facts_by_name(given: Given) -> dict[str, dict[str, Any]]:
    """The facts of the hosts of slurm_nodes that have answered, by what they call themselves."""
    return {facts["hostname"]: facts for facts in given.hosts_of("slurm_nodes").values() if "hostname" in facts}


def _units(roles: list[str], is_present: bool) -> dict[str, list[dict[str, Any]]]:
    """The units of each part, in the order in which they start."""
    drop_ins = {name: {"name": f"{name}.service", "drop_in": DROP_IN} for name in SERVICES}
    if not is_present:
        return {"absent": [{**drop_in, "state": "absent"} for drop_in in drop_ins.values()]}
    # Jobs outlive a restart of either.
    restarted = {"Restart": "on-failure", "RestartSec": 5}
    started = {"enabled": True, "started": True, "sections": {"Service": restarted}}
    # Debian 12 starts it as root, and has no directory for the number of its process.
    service = {"User": "slurm", "Group": "slurm", "RuntimeDirectory": "slurmdbd", **restarted}
    database = {**started, "sections": {"Service": service}}
    munge = {"name": "munge.service", "restart_on": [KEY_FILE]}
    parts = {
        "controller": [{**drop_ins["slurmctld"], **started, "restart_on": [CONFIGURATION["slurm"]]}],
        "node": [{**drop_ins["slurmd"], **started, "restart_on": sorted(CONFIGURATION.values())}],
        "database": [{**drop_ins["slurmdbd"], **database, "restart_on": [slurm_accounting.CONFIGURATION]}],
    }
    return {
        "first": [munge, *([{"name": "mariadb.service"}] if "database" in roles else [])],
        **{role: units if role in roles else [] for role, units in parts.items()},
    }


def _is_complete(node: Mapping[str, Any]) -> bool:
    return bool(node["address"] and node["cpus"] and node["memory"])


def _asked_hosts(given: Given) -> dict[str, dict[str, Any]]:
    """The hosts whose answers shape the configuration, with their facts."""
    settings = given.settings
    asked = dict(given.hosts_of("slurm_controller"))
    if settings["controller_host"] and settings["controller_address"]:
        asked = {}
    if settings["accounting"] and not settings["database_address"]:
        asked.update(given.hosts_of("slurm_database"))
    said = {node["name"]: node for node in settings["node_list"]}
    members = given.hosts_of("slurm_nodes")
    for name, facts in members.items():
        node = said.get(facts.get("hostname", name.partition(".")[0]))
        if not said or (node and not _is_complete(node)):
            asked[name] = facts
    return asked


def _unknown(given: Given) -> list[str]:
    """The hosts that have to be asked still."""
    return sorted(name for name, facts in _asked_hosts(given).items() if not ANSWERED.issubset(facts))


def _nodes(given: Given) -> list[dict[str, Any]]:
    """Name, address, processors, memory in MiB and further parameters of each node."""
    settings, by_name = given.settings, _facts_by_name(given)
    said = settings["node_list"] or [
        {"name": name, "address": "", "cpus": 0, "memory": "", "parameters": {}} for name in by_name
    ]
    return [
        {
            "name": node["name"],
            "address": node["address"] or _address(by_name[node["name"]]),
            "cpus": node["cpus"] or int(by_name[node["name"]]["processor_nproc"]),
            "memory": amount_mib(node["memory"]) or _usable(settings, by_name[node["name"]]),
            "parameters": node["parameters"],
        }
        for node in said
    ]


def _usable(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> int:
    """MiB of a node for jobs."""
    usable = int(facts["memtotal_mb"]) - amount_mib(settings["reserved_memory"])
    return usable // MEMORY_STEP_MIB * MEMORY_STEP_MIB


def _address(facts: Mapping[str, Any]) -> str:
    """That of the default route, of IPv6 where there is no other."""
    return next(iter(networks.addresses_of(facts)), "")


def _controller_address(given: Given) -> tuple[str, str]:
    settings = given.settings
    facts = next(iter(given.hosts_of("slurm_controller").values()), {})
    return (
        settings["controller_host"] or str(facts.get("hostname", "")),
        settings["controller_address"] or _address(facts),
    )


def _database_address(given: Given) -> str:
    """Where the others reach the accounting."""
    for facts in given.hosts_of("slurm_database").values():
        return given.settings["database_address"] or _address(facts)
    return _controller_address(given)[1]


def _of_ipv6(given: Given) -> list[str]:
    """The addresses by which hosts of the cluster reach each other that are of IPv6."""
    nodes = (node["address"] for node in _nodes(given))
    database = [_database_address(given)] if given.settings["accounting"] else []
    addresses = dict.fromkeys((_controller_address(given)[1], *nodes, *database))
    return [address for address in addresses if address and networks.is_ipv6(address)]


def _names(settings: Mapping[str, Any]) -> Iterator[str]:
    if not LABEL.fullmatch(settings["cluster"]) or settings["cluster"] != settings["cluster"].lower():
        yield f"slurm_cluster: '{settings['cluster']}' must be lower-case letters, digits, - and _, such as cluster."
    host, address = settings["controller_host"], settings["controller_address"]
    if host and not LABEL.fullmatch(host):
        yield f"slurm_controller_host: '{host}' must be what `hostname --short` says there, such as controller."
    if address and not networks.is_reachable(address):
        yield f"slurm_controller_address: '{address}' {_WANTED_ADDRESS}"
    if settings["database_address"] and not networks.is_reachable(settings["database_address"]):
        yield f"slurm_database_address: '{settings['database_address']}' {_WANTED_ADDRESS}"
    for node in settings["node_list"]:
        if not LABEL.fullmatch(node["name"]) or node["name"].upper() in ("ALL", "DEFAULT"):
            yield f"slurm_node_list: '{node['name']}' must be what `hostname --short` says there, such as node1."
        if node["address"] and not networks.is_reachable(node["address"]):
            yield f"slurm_node_list: {node['name']}: address '{node['address']}' {_WANTED_ADDRESS}"
        yield from slurm_config.parameter_problems(f"slurm_node_list: {node['name']}", node["parameters"], "node")
    for key, known in (("name", "named"), ("address", "at the address")):
        for value, count in collections.Counter(node[key] for node in settings["node_list"] if node[key]).items():
            if count > 1:
                yield f"slurm_node_list: {count} nodes are {known} '{value}'; one is enough."


# A name that no longer resolves would stop the controller for seconds, at each look.
_WANTED_ADDRESS = "must be a fixed IP address by which the other hosts reach it, such as 10.0.0.5."


def _amounts(settings: Mapping[str, Any]) -> Iterator[str]:
    if not AMOUNT.fullmatch(settings["reserved_memory"]):
        yield f"slurm_reserved_memory: '{settings['reserved_memory']}' must be an amount of memory, such as 1G or 512M."
    for node in settings["node_list"]:
        if node["memory"] and not amount_mib(node["memory"]):
            yield f"slurm_node_list: {node['name']}: memory '{node['memory']}' must be an amount, such as 16G."
        if node["cpus"] < 0:
            yield f"slurm_node_list: {node['name']}: cpus must be a number of processors, such as 8."


def _key(given: Given) -> Iterator[str]:
    key = given.settings["munge_key"]
    if key and (len(key.encode()) < SHORTEST_KEY or any(character.isspace() for character in key)):
        yield (
            f"slurm_munge_key: write at least {SHORTEST_KEY} characters without blanks; `openssl rand -hex 64` makes "
            "them."
        )
    if not key and not given.hosts_of("slurm_controller"):
        yield (
            "slurm_munge_key: it is made on the host of the group slurm_controller, which is empty; put the controller "
            "into it, or write the key."
        )


def _controller(given: Given) -> Iterator[str]:
    hosts = given.hosts_of("slurm_controller")
    settings = given.settings
    if len(hosts) > 1:
        yield f"slurm: the group slurm_controller must have one host, not {len(hosts)}: {', '.join(sorted(hosts))}."
    if not hosts and not (settings["controller_host"] and settings["controller_address"]):
        yield (
            "slurm_controller_host: the group slurm_controller is empty; put the controller into it, or write "
            "slurm_controller_host and slurm_controller_address."
        )
    if not settings["node_list"] and not given.hosts_of("slurm_nodes"):
        yield "slurm_node_list: the group slurm_nodes is empty; put the nodes into it, or list them in slurm_node_list."


def _database(given: Given) -> Iterator[str]:
    hosts, settings = given.hosts_of("slurm_database"), given.settings
    if len(hosts) > 1:
        yield f"slurm: the group slurm_database must have one host, not {len(hosts)}: {', '.join(sorted(hosts))}."
    if not settings["accounting"] and (hosts or "database" in settings["roles"]):
        yield (
            "slurm_accounting: a host is there for its database; write slurm_accounting: true for all hosts, or take "
            "it away."
        )
    if settings["database_address"] and not hosts:
        yield (
            "slurm_database_address: it is that of the host of the group slurm_database, which is empty; put a host "
            "into it, or leave the address out, and the controller has the accounting."
        )


def _answers(given: Given) -> Iterator[str]:
    """What hosts have not answered."""
    for name in _unknown(given):
        yield (
            f"slurm: {name} does not answer, so what it has is unknown; start it, or write its address, cpus and "
            "memory in slurm_node_list (of the controller, slurm_controller_host and slurm_controller_address), or "
            "take it out of the inventory."
        )


def _cluster(given: Given) -> Iterator[str]:
    """What is wrong with the hosts, by their answers."""
    settings, facts_by_name = given.settings, _facts_by_name(given)
    missing = [
        node["name"] for node in settings["node_list"] if not _is_complete(node) and node["name"] not in facts_by_name
    ]
    for name in missing:
        yield (
            f"slurm_node_list: no host of the group slurm_nodes calls itself {name}; write its address, cpus and "
            "memory, or what `hostname --short` says there."
        )
    if missing:
        return
    nodes = _nodes(given)
    yield from _shared_names(given)
    yield from _own_name(given, [node["name"] for node in nodes])
    yield from _uids(given)
    yield from _unreachable(given, nodes)
    yield from slurm_config.ipv6_problems(settings["config"], _of_ipv6(given))
    for node in nodes:
        yield from _resources(settings, node, facts_by_name.get(node["name"], {}))
    known = {node["name"] for node in nodes}
    for partition in settings["partitions"]:
        for unknown in sorted(set(partition["nodes"]) - known):
            yield f"slurm_partitions: {partition['name']}: there is no node '{unknown}'."


def _unreachable(given: Given, nodes: list[dict[str, Any]]) -> Iterator[str]:
    """Whom the others do not reach: by loopback, a host reaches itself alone."""
    controller, address = _controller_address(given)
    addresses = [(controller, address), *((node["name"], node["address"]) for node in nodes)]
    is_alone = len(set(addresses)) == 1
    for host, known in addresses:
        if not known or (ipaddress.ip_address(known).is_loopback and not is_alone):
            where = _where(host, controller)
            yield f"slurm: the others cannot reach {host} at '{known}'; write its address ({where})."
    if given.settings["accounting"] and not _database_address(given):
        yield "slurm_database_address: the host of slurm_database has no default route; write its address."


def _shared_names(given: Given) -> Iterator[str]:
    """Slurm tells hosts apart by what they call themselves."""
    hosts = {
        name: facts for group in GROUPS if group != "slurm_clients" for name, facts in given.hosts_of(group).items()
    }
    named = collections.defaultdict(list)
    for name, facts in hosts.items():
        if "hostname" in facts:
            named[facts["hostname"]].append(name)
    for hostname, names in named.items():
        if len(names) > 1:
            yield f"slurm: {' and '.join(sorted(names))} call themselves '{hostname}'; give each a name of its own."


def _where(host: str, controller: str) -> str:
    return "slurm_controller_host and slurm_controller_address" if host == controller else "slurm_node_list"


def _own_name(given: Given, nodes: list[str]) -> Iterator[str]:
    """Slurm finds itself in its configuration by the host's name."""
    hostname, roles = str(_facts(given).get("hostname", "")), parts_of(given)
    controller = _controller_address(given)[0]
    if "node" in roles and hostname not in nodes:
        listed = ", ".join(nodes)
        yield f"slurm_node_list: the host calls itself '{hostname}', and there is no node of this name: {listed}."
    if "controller" in roles and hostname != controller:
        yield f"slurm_controller_host: the host calls itself '{hostname}', not '{controller}'; write that."


def _uids(given: Given) -> Iterator[str]:
    """Controller and nodes trust the account slurm by its number."""
    found = collections.defaultdict(list)
    for group in GROUPS:
        for name, facts in given.hosts_of(group).items():
            accounts = facts.get("getent_passwd") or {}
            if "slurm" in accounts:
                found[str((accounts["slurm"] or ["x", SLURM_UID])[1])].append(name)
    if len(found) > 1:
        listed = "; ".join(f"{uid} on {', '.join(sorted(set(names)))}" for uid, names in sorted(found.items()))
        yield (
            f"slurm: the account slurm must have the same number on every host, {SLURM_UID} where Debian's packages "
            f"make it: {listed}."
        )


def _resources(settings: Mapping[str, Any], node: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    """Slurm drains a node that has less than it says."""
    memory, cpus = int(facts.get("memtotal_mb", node["memory"])), int(facts.get("processor_nproc", node["cpus"]))
    if node["memory"] > memory:
        yield f"slurm_node_list: {node['name']}: it has {memory}M of memory, not {node['memory']}M."
    if node["memory"] <= 0:
        yield (
            f"slurm_reserved_memory: {node['name']} has {memory}M of memory, and {settings['reserved_memory']} leave "
            "nothing for jobs."
        )
    if node["cpus"] > cpus:
        yield f"slurm_node_list: {node['name']}: it has {cpus} processors, not {node['cpus']}."
