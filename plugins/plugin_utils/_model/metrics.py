# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of a host and of its people's servers: the exporter, the program and its units."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._state.backup import TEXTFILES
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import jupyterhub, playbook, sandbox, timers
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import Endpoint
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("jupyterhub", "jupyterlab", "python_venv", "systemd")
PACKAGE = "prometheus-node-exporter"
DIRECTORY = "/usr/local/lib/nbops-metrics"
SECRETS = "/etc/nbops-metrics"
STATE = "/var/lib/nbops-metrics"
METRICS = "nbops_servers.prom"
SERVICE = "nbops-servers-metrics"
DROP_IN = "nbops-metrics"
# Whose state is told: what the collection deploys, and what it stands on; but for units that have the names of people.
UNITS = "(nginx|nbops-.*|certbot|postgresql.*|jupyterhub.*|jupyterlab.*)[.](service|socket|timer|slice)"
PEOPLE = "jupyterhub.*-(user|users|port|ports)-.*"


def problems(given: Given) -> list[str]:
    """What is wrong with the settings, and with the hub whose servers are measured."""
    settings = given.settings
    if settings["state"] == "absent":
        return []
    found = list(_problems(settings))
    if not {"jupyterlab", "jupyterhub"} & set(given.host["group_names"]):
        found.append(
            "metrics: the host is in neither of the groups jupyterlab and jupyterhub, so there is nothing to tell."
        )
    return found + (jupyterhub.problems(given.of("jupyterhub")) if playbook.hubs(given) else [])


def plan(given: Given) -> dict[str, Any]:
    """What the role does; nothing of it is secret."""
    settings = given.settings
    is_present = settings["state"] == "present"
    hub = given.others["jupyterhub"]["name"]
    # Without systemd a server is no unit, and nobody counts what it takes.
    hubs = [one["name"] for one in playbook.hubs(given) if one["spawner"] == "systemd"]
    return {
        "state": settings["state"],
        "package": PACKAGE,
        "directory": DIRECTORY,
        "secrets": SECRETS,
        "settings": json.dumps({"hubs": hubs, "user_usage": settings["user_usage"]}, indent=1) + "\n",
        "textfile": f"{TEXTFILES}/{METRICS}",
        "written": f"{STATE}/{METRICS}",
        "remains": [f"{TEXTFILES}/{METRICS}", DIRECTORY, SECRETS, STATE],
        "units": _units(settings, hub, hubs) if is_present else _absent(hub),
        "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
    }


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"])


def _problems(settings: dict[str, Any]) -> Iterator[str]:
    try:
        ipaddress.ip_address(Endpoint.parse(settings["listen"]).ip)
    except ValueError:
        yield (
            "metrics_listen must be an IP address of the host and a port, such as 127.0.0.1:9100, or 10.0.0.5:9100 "
            "for a Prometheus elsewhere."
        )


def _absent(hub: str) -> list[dict[str, Any]]:
    return [
        *({"name": f"{SERVICE}.{kind}", "state": "absent"} for kind in ("timer", "service")),
        {"name": f"{PACKAGE}.service", "drop_in": DROP_IN, "state": "absent"},
        {"name": f"{hub}-user-.service", "drop_in": DROP_IN, "state": "absent"},
    ]


def _units(settings: dict[str, Any], hub: str, hubs: list[str]) -> list[dict[str, Any]]:
    counted = {"CPUAccounting": True, "MemoryAccounting": True, "TasksAccounting": True}
    return [
        _exporter(settings["listen"]),
        {
            "name": f"{hub}-user-.service",
            "drop_in": DROP_IN,
            **({"sections": {"Service": counted}} if hubs else {"state": "absent"}),
        },
        _program(),
        timers.timer(SERVICE, "Measure people's servers each minute", {"OnCalendar": "minutely", "AccuracySec": "1s"}),
    ]


def _exporter(listen: str) -> dict[str, Any]:
    """The service of Debian's package with our command line. It shows mounts, so it has to see those of the host."""
    options = [
        f"--web.listen-address={listen}",
        f"--collector.textfile.directory={TEXTFILES}",
        "--collector.systemd",
        f"--collector.systemd.unit-include={UNITS}",
        f"--collector.systemd.unit-exclude={PEOPLE}",
        "--collector.systemd.enable-restarts-metrics",
        "--collector.systemd.enable-start-time-metrics",
    ]
    local = {"IPAddressDeny": "any", "IPAddressAllow": "localhost"} if Endpoint.parse(listen).is_loopback else {}
    return {
        "name": f"{PACKAGE}.service",
        "drop_in": DROP_IN,
        "started": True,
        "restart_on": [],
        "sections": {
            "Service": {
                "ExecStart": ["", f"/usr/bin/{PACKAGE} {' '.join(options)}"],
                "NoNewPrivileges": True,
                "CapabilityBoundingSet": "",
                "LockPersonality": True,
                "MemoryDenyWriteExecute": True,
                "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
                "RestrictNamespaces": True,
                "RestrictRealtime": True,
                "SystemCallFilter": ["@system-service", "~@privileged @resources"],
                "SystemCallErrorNumber": "EPERM",
                **local,
            }
        },
    }


def _program() -> dict[str, Any]:
    service = {
        "Type": "oneshot",
        # The account of the exporter, which reads what this writes.
        "User": "prometheus",
        # Without the environment and packages of an account, but with what lies beside the program.
        "ExecStart": f"/usr/bin/python3 -sEB {DIRECTORY}/servers.py",
        "StateDirectory": "nbops-metrics",
        "StateDirectoryMode": "0755",
        # It asks systemd, which tells everybody, and obeys root alone. By the directory, systemctl sees that it runs.
        "BindReadOnlyPaths": ["/run/dbus/system_bus_socket", "/run/systemd/system"],
        "PrivateNetwork": True,
        "RestrictAddressFamilies": "AF_UNIX",
        "IPAddressDeny": "any",
        # Each minute two lines that it began and ended would fill the journal.
        "LogLevelMax": "notice",
        "TimeoutStartSec": 50,
    }
    return {
        "name": f"{SERVICE}.service",
        "sandbox": "daemon",
        "started": False,
        "credentials": {"salt": f"{SECRETS}/salt"},
        "sections": {"Unit": {"Description": "Measure people's servers"}, "Service": service},
    }
