# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of slurm.conf, and which of them nobody may change."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ACCOUNT, ONE_LINE

# A name that Slurm reads as one, without its brackets and commas.
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")
AMOUNT = re.compile(r"([0-9]+)([MGT])")
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TIME = re.compile(r"([0-9]+-)?[0-9]+(:[0-9]{1,2}){0,2}|INFINITE|UNLIMITED")
# Jobs are held by cgroups, and seen by their owners.
DEFAULTS = {
    "SlurmUser": "slurm",
    "AuthType": "auth/munge",
    "StateSaveLocation": "/var/lib/slurm/slurmctld",
    "SlurmdSpoolDir": "/var/lib/slurm/slurmd",
    "ProctrackType": "proctrack/cgroup",
    "TaskPlugin": "task/cgroup,task/affinity",
    "JobAcctGatherType": "jobacct_gather/cgroup",
    "PrologFlags": "Contain",
    "JobContainerType": "job_container/tmpfs",
    "PrivateData": "jobs,usage,users,events,reservations",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core_Memory",
    "EnforcePartLimits": "ALL",
    "DisableRootJobs": "YES",
    "JobRequeue": "0",
    "ReturnToService": "2",
    "PropagateResourceLimits": "NONE",
    "MpiDefault": "none",
    # Above the ports that the kernel gives to connections, so that a firewall can know them.
    "SrunPortRange": "61000-63999",
}
# Without it, Slurm knows no address of IPv6; with it, those of IPv4 as well.
IPV6 = {"CommunicationParameters": "EnableIPv6"}
# What other variables say, or what the role has made for Slurm.
OTHERWISE = {
    "clustername": "write slurm_cluster",
    "slurmctldhost": "write slurm_controller_host and slurm_controller_address",
    "controlmachine": "write slurm_controller_host and slurm_controller_address",
    "nodename": "write slurm_node_list",
    "partitionname": "write slurm_partitions",
    "slurmuser": "the role has made its directories for the account slurm",
    "slurmduser": "jobs of all people are started by root",
    "statesavelocation": "the role has made the directory of Debian's package",
    "slurmdspooldir": "the role has made the directory of Debian's package",
    "include": "write the keys themselves",
}
ACCOUNTED = ("accountingstoragehost", "accountingstoragetype", "accountingstorageport", "accountingstorageuser")
# Each word that must be among those of a key, and why.
KEPT = {
    "authtype": (("auth/munge",), "with another, people could say that they are somebody else"),
    "credtype": (("cred/munge",), "with another, people could say that they are somebody else"),
    "cryptotype": (("crypto/munge",), "with another, people could say that they are somebody else"),
    "proctracktype": (("proctrack/cgroup",), "processes would outlive their job"),
    "taskplugin": (("task/cgroup",), "no limit of memory and cores would hold"),
    "prologflags": (("contain",), "who comes to a node by other ways would be outside of their job"),
    "jobcontainertype": (("job_container/tmpfs",), "people would share /tmp"),
    "privatedata": (("jobs", "usage", "users", "events", "reservations"), "people would see the jobs of others"),
    "disablerootjobs": (("yes",), "a job of root is root on the node"),
}
YES = {"1", "true", "up", "yes"}
NODE_KEYS = {"nodename", "nodeaddr", "cpus", "realmemory"}
PARTITION_KEYS = {"partitionname", "nodes", "default", "maxtime", "allowgroups"}


def amount_mib(text: str) -> int:
    """An amount such as 16G in MiB; 0 for an empty or a wrong one."""
    found = AMOUNT.fullmatch(text)
    return int(found[1]) * 1024 ** "MGT".index(found[2]) if found else 0


def merged(said: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, str]:
    """The keys of slurm.conf with their values. What is said wins; Slurm reads keys in either case."""
    values = {**own, **DEFAULTS}
    spelled = {key.lower(): key for key in values}
    for key, value in said.items():
        values[spelled.get(key.lower(), key)] = value
    return {key: _text(value) for key, value in values.items()}


def node_line(node: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a node, the name first."""
    return {
        "NodeName": node["name"],
        "NodeAddr": node["address"],
        "CPUs": str(node["cpus"]),
        "RealMemory": str(node["memory"]),
        **{key: _text(value) for key, value in node["parameters"].items()},
    }


def partition_line(partition: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a partition, the name first."""
    groups = {"AllowGroups": ",".join(partition["allow_groups"])} if partition["allow_groups"] else {}
    return {
        "PartitionName": partition["name"],
        "Nodes": ",".join(partition["nodes"]) or "ALL",
        "Default": "YES" if partition["default"] else "NO",
        "MaxTime": partition["max_time"],
        **groups,
        **{key: _text(value) for key, value in partition["parameters"].items()},
    }


def problems(config: Mapping[str, Any], *, is_accounted: bool) -> Iterator[str]:
    """What is wrong with the keys of `slurm_config`. With `is_accounted` the role has the accounting."""
    for key, count in collections.Counter(str(key).lower() for key in config).items():
        if count > 1:
            yield f"slurm_config: {key} stands there twice, in different cases."
    for key, value in config.items():
        name = str(key).lower()
        if name in OTHERWISE:
            yield f"slurm_config: {key} is not for here; {OTHERWISE[name]}."
        elif is_accounted and name in ACCOUNTED:
            yield f"slurm_config: {key} is not for here; slurm_accounting says where the accounting is."
        elif not KEY.fullmatch(str(key)) or not _is_value(value):
            yield f"slurm_config: '{key}' must be a key of slurm.conf with a text of one line or a number."
        else:
            yield from _kept(str(key), _text(value))


def partition_problems(partitions: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with the partitions, but for nodes that are not known yet."""
    if not partitions:
        yield "slurm_partitions: without one, no job could run; leave it out, or write such as [{name: main}]."
    for name, count in collections.Counter(partition["name"] for partition in partitions).items():
        if count > 1:
            yield f"slurm_partitions: {count} partitions are named '{name}'."
    if sum(partition["default"] for partition in partitions) > 1:
        yield "slurm_partitions: one partition alone may be the default."
    for partition in partitions:
        label = f"slurm_partitions: {partition['name']}"
        if not LABEL.fullmatch(partition["name"]) or partition["name"].upper() == "DEFAULT":
            yield f"slurm_partitions: '{partition['name']}' must be a name of letters, digits, - and _, such as main."
        if not TIME.fullmatch(partition["max_time"]):
            yield f"{label}: max_time must be such as '24:00:00', '7-00:00:00' or INFINITE; put it into quotes."
        for group in partition["allow_groups"]:
            if not ACCOUNT.fullmatch(group):
                yield f"{label}: '{group}' is no name of a group."
        yield from parameter_problems(label, partition["parameters"], "partition")


def ipv6_problems(config: Mapping[str, Any], addresses: list[str]) -> Iterator[str]:
    """What is wrong with `slurm_config` in a cluster with these addresses of IPv6."""
    for key, wanted in IPV6.items() if addresses else ():
        for name, value in config.items():
            words = {word.strip().lower() for word in _text(value).split(",")}
            if str(name).lower() == key.lower() and wanted.lower() not in words:
                yield f"slurm_config: {name} must have {wanted}: hosts reach each other at {', '.join(addresses)}."


def parameter_problems(label: str, parameters: Mapping[str, Any], what: str) -> Iterator[str]:
    """What is wrong with further parameters of a node or a partition."""
    said = NODE_KEYS if what == "node" else PARTITION_KEYS
    for key, value in parameters.items():
        if str(key).lower() in said:
            yield f"{label}: {key} is not for parameters; the {what} has a key of its own for it."
        elif not KEY.fullmatch(str(key)) or not _is_value(value) or " " in _text(value):
            yield f"{label}: '{key}' must be a parameter of a {what} with a text without blanks or a number."


def _kept(key: str, value: str) -> Iterator[str]:
    words = {word.strip().lower() for word in value.split(",")}
    words |= {"yes"} if words & YES else set()
    kept, why = KEPT.get(key.lower(), ((), ""))
    if not words.issuperset(kept):
        yield f"slurm_config: {key} must have {', '.join(kept)}: {why}."
    if key.lower() == "accountingstoreflags" and "job_env" in words:
        yield f"slurm_config: {key} must not have job_env: the secrets in people's environments would be kept for ever."


def _is_value(value: Any) -> bool:
    text = _text(value)
    return isinstance(value, (str, int, float)) and bool(text) and bool(ONE_LINE.fullmatch(text)) and "#" not in text


def _text(value: Any) -> str:
    """A value as Slurm reads it; by a digit, keys of both kinds are switched: yes and no, and 1 and 0."""
    return str(int(value)) if isinstance(value, bool) else str(value)
