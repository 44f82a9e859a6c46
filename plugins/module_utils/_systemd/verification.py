# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests units before they are written: their files with systemd-analyze, and the paths that they name."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.directives import values_of
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import manager
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.file_changes import written_units
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.files import write
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.unit import (
    is_template,
    path_of,
    render,
    service_directives,
    template_of,
)

NOT_FOUND = re.compile(r"^Unit \S+ not found\.")
# Complaints about something that earlier tasks would have installed if they had not run in check mode.
NOT_YET = re.compile(rf"is not executable: No such file|{NOT_FOUND.pattern}|: service \S+ not loaded")
# Directives with paths that have to be there when the service starts.
PATHS = ("BindPaths", "BindReadOnlyPaths", "InaccessiblePaths", "ReadOnlyPaths", "ReadWritePaths")
# What systemd makes before the start, such as the directories of the service itself, or what begins with it.
MADE_LATER = re.compile(r"/(dev|proc|run|sys|tmp|var)(/.*)?")

# By the kind of a unit, the least that systemd takes for one.
STAND_INS = {"service": "[Service]\nExecStart=/bin/true\n", "socket": "[Socket]\nListenStream=/run/stand-in\n"}


def verify(units: list[dict], profiles: dict, host: manager.Host, directory: str, check_mode: bool) -> None:
    """Tests units together with the others of the list and the host; raises SystemdError with what systemd says.

    `directory` is for temporary files.
    """
    written = written_units(units)
    names = list(dict.fromkeys(name for unit in written for name in _examples(unit["name"], units)))
    with tempfile.TemporaryDirectory(dir=directory) as stage:
        _stage(written, profiles, stage)
        lines = host.verify(names, stage)
    complaints = [line for line in lines if stage in line or any(manager.mentions(line, name) for name in names)]
    owners = [unit["name"] for unit in written if unit["drop_in"]]
    if complaints and owners:
        # Complaints about a unit of somebody else that existed before are no reason to refuse.
        known = host.verify(owners)
        complaints = [line for line in complaints if line not in known or NOT_FOUND.search(line)]
    if check_mode:
        complaints = [line for line in complaints if not NOT_YET.search(line)]
    if complaints:
        text = "\n".join(complaints).replace(stage, manager.ROOT)
        raise manager.SystemdError(f"systemd refuses the units, nothing was changed:\n{text}")


def require_paths(units: list[dict], profiles: dict) -> None:
    """Raises SystemdError for every path that a service to be started needs, and this host lacks.

    systemd itself would start nothing and say 226/NAMESPACE, when the old service is gone.
    """
    found = [text for unit in units for text in missing_paths(unit, profiles, os.path.lexists)]
    if found:
        raise manager.SystemdError("\n".join([*found, "Nothing was changed."]))


def missing_paths(unit: dict, profiles: dict, exists: Callable[[str], bool]) -> Iterator[str]:
    """What is missing for the sandbox of a service, with what to do about it."""
    directives = service_directives(unit, profiles)
    # There, paths are those of another root.
    if "RootDirectory" in directives or "RootImage" in directives:
        return
    for name in PATHS:
        paths: list[str] = []
        for value in values_of(directives.get(name)):
            paths = [*paths, *value.split()] if value else []
        for path in (path.lstrip("+").partition(":")[0] for path in paths):
            if path.startswith("/") and "%" not in path and not MADE_LATER.fullmatch(path) and not exists(path):
                yield (
                    f"{unit['name']}: {name} names {path}, which is not on this host; make it, or write -{path} where "
                    "the service can do without."
                )


def _examples(name: str, units: list[dict]) -> list[str]:
    """The units to test: for a template its instances in the list, because paths may contain their names."""
    if not is_template(name):
        return [name]
    present = [unit["name"] for unit in units if unit["state"] == "present"]
    return [other for other in present if template_of(other) == name] or [name]


def _stage(units: list[dict], profiles: dict, stage: str) -> None:
    for unit in units:
        write(f"{stage}/{path_of(unit)}", render(unit, profiles))
        prefix, _hyphen, kind = unit["name"].rpartition("-.")
        if prefix and kind in STAND_INS:
            # A drop-in for all units with this prefix has no unit of its own that could be tested.
            write(f"{stage}/{unit['name']}", STAND_INS[kind])
