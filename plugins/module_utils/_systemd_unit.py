# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a unit as data to the text of its file. Pure: no Ansible, no host."""

from __future__ import annotations

HEADER = "# Written by Ansible (nbops.jupyter.systemd_units): changes made here are lost.\n"
WAIT_READY = "/usr/local/lib/nbops-wait-ready.py"
# How much longer than the readiness check systemd waits, so that the check's own message is the one in the journal.
START_MARGIN_SECONDS = 30
LIMITS = {
    "memory_high": "MemoryHigh",
    "memory_max": "MemoryMax",
    "cpu_quota": "CPUQuota",
    "tasks_max": "TasksMax",
    "open_files": "LimitNOFILE",
}


def kind(name: str) -> str:
    """The type of a unit: C(service) for C(jupyterlab-lab.service)."""
    return name.rpartition(".")[2]


def is_template(name: str) -> bool:
    return "@." in name


def template_of(name: str) -> str | None:
    """C(foo@.service) for C(foo@bar.service), None for a unit that is no instance."""
    prefix, at, instance = name.partition("@")
    if not at or is_template(name):
        return None
    return f"{prefix}@.{kind(instance)}"


def path_of(unit: dict) -> str:
    """The unit's file below C(/etc/systemd/system)."""
    if unit.get("drop_in"):
        return f"{unit['name']}.d/{unit['drop_in']}.conf"
    return unit["name"]


def has_file(unit: dict) -> bool:
    """False for an entry that only enables and starts a unit whose file is another's: a template's instance, a package's service."""
    return bool(unit.get("drop_in") or unit.get("sections"))


def profile_name(unit: dict) -> str:
    """The sandbox profile that applies: C(standard) for a whole service, C(none) for everything else, unless the unit says otherwise."""
    whole_service = kind(unit["name"]) == "service" and has_file(unit) and not unit.get("drop_in")
    return unit.get("sandbox") or ("standard" if whole_service else "none")


def service_directives(unit: dict, profiles: dict) -> dict:
    """The C([Service]) section that is in force: the caller's directives, what the unit's options add, and the rest of the profile."""
    own = (unit.get("sections") or {}).get("Service") or {}
    directives = dict(own)
    for name, value in _from_options(unit, own).items():
        # The readiness check comes first: what the caller runs after the start finds a service that answers.
        directives[name] = value if own.get(name) is None else _lines(value) + _lines(own[name])
    for name, value in (profiles.get(profile_name(unit)) or {}).items():
        directives.setdefault(name, value)
    return {name: value for name, value in directives.items() if value is not None}


def render(unit: dict, profiles: dict) -> str:
    """The text of the unit's file.

    Sections and directives keep the caller's order. Values are systemd's own syntax and stay as they are (specifiers, quotes);
    a list repeats the directive, an empty string resets it, true and false become C(yes) and C(no), null leaves it out.
    """
    sections = dict(unit.get("sections") or {})
    if kind(unit["name"]) == "service":
        install = {"Install": sections.pop("Install")} if "Install" in sections else {}
        directives = service_directives(unit, profiles)
        sections.update({"Service": directives} if directives else {}, **install)
    blocks = [
        f"[{section}]\n" + "".join(f"{name}={line}\n" for name, value in (directives or {}).items() for line in _lines(value))
        for section, directives in sections.items()
    ]
    return "\n".join([HEADER, *blocks])


def _from_options(unit: dict, own: dict) -> dict:
    """Directives that the options credentials, limits and ready stand for."""
    added = {}
    if unit.get("credentials"):
        added["LoadCredential"] = [f"{name}:{path}" for name, path in unit["credentials"].items()]
    added.update({LIMITS[name]: value for name, value in (unit.get("limits") or {}).items() if value is not None})
    ready = unit.get("ready")
    if ready:
        timeout = ready.get("timeout") or 60
        arguments = [f"--{name} {ready[name]}" for name in ("url", "socket") if ready.get(name)]
        added["ExecStartPost"] = f"/usr/bin/python3 -IS {WAIT_READY} --timeout {timeout} {' '.join(arguments)}"
        if own.get("TimeoutStartSec") is None:
            added["TimeoutStartSec"] = int(timeout) + START_MARGIN_SECONDS
    return added


def _lines(value: object) -> list[str]:
    if value is None:
        return []
    values = value if isinstance(value, (list, tuple)) else [value]
    return [("yes" if item else "no") if isinstance(item, bool) else str(item) for item in values]
