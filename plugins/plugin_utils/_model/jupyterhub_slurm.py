# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers as jobs of Slurm: what the settings must be, and which partitions have to be there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub_config, networks
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import Endpoint

Settings = Mapping[str, Any]

PARTITION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# HOURS:MINUTES:SECONDS, or DAYS- and hours with or without the rest. Without quotes YAML reads the former as a number,
# which Slurm would take for minutes.
TIME = re.compile(r"[0-9]+:[0-5][0-9]:[0-5][0-9]|[0-9]+-[0-9]{1,2}(:[0-5][0-9]){0,2}")
GRES = re.compile(r"[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*(,[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)*)*")
WHOLE_PROCESSORS = re.compile(r"[1-9][0-9]*00%")
PORTS = re.compile(r"([1-9][0-9]{3,4})-([1-9][0-9]{3,4})")
# Below are those of the system's services.
FIRST_PORT, LAST_PORT = 1024, 65535
# The groups of hosts on which servers of hubs run: nodes of a cluster of ours, and of another one.
NODES = ("slurm_nodes", "jupyterhub_nodes")
# Keys of a profile that say something of a job.
KEYS = ("partition", "time", "gres")


def problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the settings of a hub and its profiles, each with the rule and what to write instead."""
    yield from _of_another_spawner(settings) if settings["spawner"] != "slurm" else _of_jobs(settings)


def partitions(settings: Settings) -> list[str]:
    """The partitions that servers may be in; empty for another spawner."""
    if settings["spawner"] != "slurm":
        return []
    named = (profile["partition"] for profile in settings["profiles"])
    return sorted({settings["slurm_partition"], *named} - {""})


def _of_another_spawner(settings: Settings) -> Iterator[str]:
    if settings["slurm_partition"]:
        yield "jupyterhub_slurm_partition is for jupyterhub_spawner: slurm; leave it out, or write that."
    if settings["slurm_listen"]:
        yield "jupyterhub_slurm_listen is for jupyterhub_spawner: slurm; leave it out, or write that."
    for profile in settings["profiles"]:
        for key in filter(profile.get, KEYS):
            yield (
                f"jupyterhub_profiles: {profile['name']}: {key} is for jupyterhub_spawner: slurm; leave it out, or "
                "write that."
            )


def _of_jobs(settings: Settings) -> Iterator[str]:
    everybody = {"partition": settings["slurm_partition"], "time": settings["slurm_time"], "gres": ""}
    yield from _job("jupyterhub_slurm_", everybody)
    for profile in settings["profiles"]:
        yield from _job(f"jupyterhub_profiles: {profile['name']}: ", profile)
    without = [profile["name"] for profile in settings["profiles"] if not profile["partition"]]
    if not settings["slurm_partition"] and (without or not settings["profiles"]):
        yield (
            "jupyterhub_spawner: slurm needs the name of a partition; write it in jupyterhub_slurm_partition, or as "
            "partition in each of jupyterhub_profiles. Without jupyterhub_slurm_listen, this host is a node of it."
        )
    if settings["create_accounts"]:
        yield (
            "jupyterhub_create_accounts is not for jupyterhub_spawner: slurm: an account has to be there, with the "
            "same uid, on every machine of the cluster; list people in jupyterhub_users, or let the host take them "
            "from the site's directory."
        )
    yield from _network(settings)
    yield from _limits(settings)


def _network(settings: Settings) -> Iterator[str]:
    if listen := settings["slurm_listen"]:
        wanted = (
            f"jupyterhub_slurm_listen: '{listen}' must be the address by which the nodes reach this host, and a port, "
            "such as 10.0.0.10:8082 or [2001:db8::10]:8082."
        )
        try:
            endpoint = Endpoint.parse(listen)
            address = ipaddress.ip_address(endpoint.ip)
        except ValueError:
            yield wanted
        else:
            if address.is_loopback or not networks.is_reachable(endpoint.ip):
                yield wanted
            elif endpoint.port in (settings["hub_port"], settings["proxy_api_port"]):
                yield f"jupyterhub_slurm_listen: the hub has the port {endpoint.port} already; write another one."
    ports = PORTS.fullmatch(settings["slurm_ports"])
    if not ports or not FIRST_PORT <= int(ports[1]) <= int(ports[2]) <= LAST_PORT:
        yield (
            f"jupyterhub_slurm_ports: '{settings['slurm_ports']}' must be the first and the last of some ports from "
            f"{FIRST_PORT} to {LAST_PORT}, such as 20000-20999."
        )


def _job(where: str, said: Mapping[str, Any]) -> Iterator[str]:
    if said["partition"] and not PARTITION.fullmatch(said["partition"]):
        yield f"{where}partition: '{said['partition']}' must be the name of one partition, such as main."
    if said["time"] and not TIME.fullmatch(said["time"]):
        yield f"{where}time: '{said['time']}' must be a time in quotes, such as '8:00:00' or '1-12:00:00'."
    if said["gres"] and not GRES.fullmatch(said["gres"]):
        yield f"{where}gres: '{said['gres']}' must be a resource as Slurm writes it, such as gpu:1."


def _limits(settings: Settings) -> Iterator[str]:
    by_place = {
        **jupyterhub_config.limits_by_place(settings),
        **{f"jupyterhub_profiles: {one['name']}: limits": one["limits"] for one in settings["profiles"]},
    }
    for where, limits in by_place.items():
        if not isinstance(limits, dict):
            continue  # said elsewhere
        if limits.get("tasks_max"):
            yield f"{where}: tasks_max is for jupyterhub_spawner: systemd; Slurm does not limit it. Leave it out."
        share = str(limits.get("cpu_quota") or "")
        if share and not WHOLE_PROCESSORS.fullmatch(share):
            yield f"{where}: cpu_quota: Slurm gives whole processors; write 100%, 200% and so on, not {share}."
