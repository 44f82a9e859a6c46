# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Visits by a timer: the program, its secrets, its units."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import playbook_verify, sandbox, timers
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given

USES = ("playbook_verify", *playbook_verify.USES)
DIRECTORY = "/usr/local/lib/nbops-probe"
SECRETS = "/etc/nbops-probe.json"
METRICS = "nbops_probe.prom"
# Without the environment and packages of an account, but with what lies beside the program, where it writes nothing.
PROGRAM = f"/usr/bin/python3 -sEB {DIRECTORY}/probe.py"
PATH = re.compile(r"/[^\s:\"'\\$%]*")
SPAN = re.compile(r"[0-9]+[a-z]*( [0-9]+[a-z]+)*")
SCHEDULE = re.compile(r"[A-Za-z0-9*:/.,~ _+-]+")
# Seconds for all visits, and to clean up after one that was cut off.
LIMIT, CLEAN_LIMIT = 3600, 150
# Root makes accounts and starts the visit in a sandbox of its own; it talks to nobody but the hub on this host.
SERVICE = {
    "Type": "oneshot",
    "User": "root",
    "ExecStart": f"{PROGRAM} watch",
    "ExecStopPost": f"{PROGRAM} clean",
    "TimeoutStartSec": LIMIT,
    "TimeoutStopSec": CLEAN_LIMIT,
    "IPAddressDeny": "any",
    "IPAddressAllow": "localhost",
    "LockPersonality": True,
    "MemoryDenyWriteExecute": True,
    "PrivateDevices": True,
    "ProtectClock": True,
    "ProtectControlGroups": True,
    "ProtectHostname": True,
    "ProtectKernelLogs": True,
    "ProtectKernelModules": True,
    "ProtectKernelTunables": True,
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces": True,
    "RestrictRealtime": True,
}


def problems(given: Given) -> list[str]:
    """What is wrong with the settings, and with the labs and the hub that are visited."""
    found = list(_problems(given.settings))
    if given.settings["state"] == "present" and not {"jupyterlab", "jupyterhub"} & set(given.host["group_names"]):
        found.append(
            "probe: the host is in neither of the groups jupyterlab and jupyterhub, so there is nothing to visit."
        )
    return found if given.settings["state"] == "absent" else found + playbook_verify.target_problems(_visits(given))


def plan(given: Given) -> dict[str, Any]:
    """The files of the program and the units; nothing of it is secret."""
    settings = given.settings
    present = settings["state"] == "present"
    files, targets = {}, []
    if present:
        visits = playbook_verify.plan(_visits(given))
        known = secrets(given)["secrets"]
        targets = [_without_login(target, known) for target in visits["targets"]]
        files = {
            **visits["files"],
            "targets.json": json.dumps(targets, indent=1) + "\n",
            "settings.json": json.dumps({"textfile_directory": settings["textfile_directory"]}, indent=1) + "\n",
        }
    return {
        "state": settings["state"],
        "directory": DIRECTORY,
        "files": files,
        "secrets_path": SECRETS,
        "remains": [DIRECTORY, SECRETS, f"{settings['textfile_directory']}/{METRICS}"],
        "units": _units(settings),
        "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
    }


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"])


def secrets(given: Given) -> dict[str, Any]:
    """What opens the targets, by their keys: tokens, which the host has anyway, and passwords if that is wanted."""
    if given.settings["state"] == "absent":
        return {"secrets": {}}
    known = playbook_verify.secrets(_visits(given))
    keep = given.settings["keep_passwords"]
    return {"secrets": {key: secret for key, secret in known.items() if keep or "password" not in secret}}


def _visits(given: Given) -> Given:
    """What the playbook verify is given; without the right to keep passwords, nobody is named."""
    visits = given.of("playbook_verify")
    named = {} if given.settings["keep_passwords"] else {"verify_user": "", "verify_password": ""}
    return Given({**visits.settings, **named}, visits.others, visits.host)


def _without_login(target: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """A lab that is opened by a password that is not kept is visited up to its login page."""
    is_closed = target["login"] == "password" and target["key"] not in known
    why = "its password is not kept on the host (probe_keep_passwords)"
    return {**target, "login": "none", "why": why} if is_closed else target


def _problems(settings: dict[str, Any]) -> Iterator[str]:
    if not SCHEDULE.fullmatch(settings["schedule"]):
        yield (
            "probe_schedule must be a calendar event of systemd, such as hourly or *:0/15: systemd-analyze calendar."
        )
    if not SPAN.fullmatch(settings["delay"]):
        yield "probe_delay must be a span of time in systemd's words, such as 5min or 0."
    if not PATH.fullmatch(settings["textfile_directory"]):
        yield "probe_textfile_directory must be the absolute path of a directory on the target."
    yield from timers.alarm_problems("probe_alarm_units", settings["alarm_units"])


def _units(settings: dict[str, Any]) -> list[dict[str, Any]]:
    if settings["state"] == "absent":
        return [{"name": f"nbops-probe.{kind}", "state": "absent"} for kind in ("timer", "service")]
    description = "Visit the notebook servers as a person does"
    alarm = timers.on_failure(settings["alarm_units"])
    unit = {"Description": description, "After": "network-online.target", **alarm}
    timing = {"OnCalendar": settings["schedule"], "RandomizedDelaySec": settings["delay"]}
    return [
        {
            "name": "nbops-probe.service",
            "sandbox": "none",
            "started": False,
            "credentials": {"secrets": SECRETS},
            "sections": {"Unit": unit, "Service": SERVICE},
        },
        timers.timer("nbops-probe", description, timing),
    ]
