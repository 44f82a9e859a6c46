# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a unit as data to the text of its file. Pure: no Ansible, no host."""

from __future__ import annotations

from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import values_of

HEADER = "# Written by Ansible (nbops.jupyter.systemd_units): changes made here are lost.\n"
WAIT_READY = "/usr/local/lib/nbops-wait-ready.py"
READY_TIMEOUT_SECONDS = 60
# How much longer than the readiness check systemd waits, so that the check's own message is the one in the journal.
START_MARGIN_SECONDS = 30
LIMITS = {
    "memory_high": "MemoryHigh",
    "memory_max": "MemoryMax",
    "cpu_quota": "CPUQuota",
    "tasks_max": "TasksMax",
    "open_files": "LimitNOFILE",
}
# What a unit shows and hides beside what its profile does; systemd adds these up in the same way.
ADDED = (
    "BindPaths",
    "BindReadOnlyPaths",
    "InaccessiblePaths",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "TemporaryFileSystem",
)
INSTALL_FOLDERS = {"WantedBy": "wants", "RequiredBy": "requires", "UpheldBy": "upholds"}


def kind(name: str) -> str:
    """The type of a unit: service for jupyterlab-lab.service."""
    return name.rpartition(".")[2]


def is_template(name: str) -> bool:
    return "@." in name


def template_of(name: str) -> str | None:
    """foo@.service for foo@bar.service, None for a unit that is no instance."""
    prefix, at, instance = name.partition("@")
    return f"{prefix}@.{kind(instance)}" if at and not is_template(name) else None


def path_of(unit: dict) -> str:
    """The unit's file below /etc/systemd/system."""
    return f"{unit['name']}.d/{unit['drop_in']}.conf" if unit.get("drop_in") else unit["name"]


def has_file(unit: dict) -> bool:
    """False for an entry whose file is another's: a template's instance, a package's service."""
    return bool(unit.get("drop_in") or unit.get("sections"))


def is_whole(unit: dict) -> bool:
    """Whether the entry is a unit of ours, neither a drop-in nor somebody else's."""
    return has_file(unit) and not unit.get("drop_in")


def profile_name(unit: dict) -> str:
    """The sandbox profile that applies; a whole service that says nothing gets standard."""
    return unit.get("sandbox") or ("standard" if kind(unit["name"]) == "service" and is_whole(unit) else "none")


def service_directives(unit: dict, profiles: dict) -> dict:
    """The section Service in force: the caller's directives, those of the unit's options, the rest of the profile.

    Paths of the profile come first, see `combined`.
    """
    own = (unit.get("sections") or {}).get("Service") or {}
    directives = {**own, **_from_options(unit, own)}
    for name, value in (profiles.get(profile_name(unit)) or {}).items():
        directives[name] = combined(name, value, directives[name]) if name in directives else value
    return {name: value for name, value in directives.items() if value is not None}


def combined(name: str, below: object, above: object) -> object:
    """The value of a directive that is said twice: the one above counts, but paths are added to those below.

    An empty text among the paths above drops those below, as in systemd, and null drops the directive.
    """
    return values_of(below) + values_of(above) if name in ADDED and None not in (below, above) else above


def render(unit: dict, profiles: dict) -> str:
    """The text of the unit's file.

    Sections and directives keep the caller's order. Values are systemd's own syntax and stay as they are (specifiers,
    quotes); a list repeats the directive, an empty string resets it, true and false become yes and no, null leaves it
    out.
    """
    sections = dict(unit.get("sections") or {})
    if kind(unit["name"]) == "service":
        install = {"Install": sections.pop("Install")} if "Install" in sections else {}
        directives = service_directives(unit, profiles)
        sections.update({"Service": directives} if directives else {}, **install)
    return "\n".join([HEADER, *(_section(name, directives or {}) for name, directives in sections.items())])


def install_links(unit: dict) -> set[str] | None:
    """The links below /etc/systemd/system that enable a whole unit; None where only systemd can tell."""
    install = unit["sections"].get("Install") or {}
    if not is_whole(unit) or set(install) - set(INSTALL_FOLDERS):
        return None
    links = {
        f"{target}.{folder}/{unit['name']}"
        for directive, folder in INSTALL_FOLDERS.items()
        for target in " ".join(values_of(install.get(directive))).split()
    }
    return None if any("%" in link for link in links) else links


def _section(name: str, directives: dict) -> str:
    lines = [f"{directive}={line}\n" for directive, value in directives.items() for line in values_of(value)]
    return f"[{name}]\n" + "".join(lines)


def _from_options(unit: dict, own: dict) -> dict:
    """Directives that the options credentials, limits and ready stand for."""
    added = {}
    if unit.get("credentials"):
        loads = [f"{name}:{path}" for name, path in unit["credentials"].items()]
        added["LoadCredential"] = values_of(own.get("LoadCredential")) + loads
    added.update({LIMITS[name]: value for name, value in (unit.get("limits") or {}).items() if value is not None})
    ready = unit.get("ready")
    if ready:
        timeout = int(ready.get("timeout") or READY_TIMEOUT_SECONDS)
        question = " ".join(f"--{name} {ready[name]}" for name in ("url", "socket") if ready.get(name))
        wait = f"/usr/bin/python3 -IS {WAIT_READY} --timeout {timeout} {question}"
        # First, so that what the caller runs after the start finds a service that answers.
        added["ExecStartPost"] = [wait, *values_of(own.get("ExecStartPost"))]
        if own.get("TimeoutStartSec") is None:
            added["TimeoutStartSec"] = timeout + START_MARGIN_SECONDS
    return added
