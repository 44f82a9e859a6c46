# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that people of a hub share: what their entries must be, and what becomes of them.

The module shared_folders makes them, the spawner opens the sandbox for them, and each person's server links to those
that its person can read.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import PERSON

Settings = Mapping[str, Any]

# Absolute, without `.` and `..`, of characters that a unit takes as they are.
PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9_.@+-]+)+")
# What the system, its software and its services have for themselves, and what a sandbox hides or has of its own.
OF_THE_SYSTEM = re.compile(r"/(bin|boot|dev|etc|lib[^/]*|lost\+found|opt|proc|run|sbin|snap|sys|tmp|usr|var)(/.*)?")
HOMES = re.compile(r"/(home|root)(/.*)?")
# Directories that hold more than one thing.
COMMON = re.compile(r"/(media|mnt|srv)")


def problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the folders, each with its path, the rule and what to write instead."""
    folders, people = settings["shared_folders"], {user["name"] for user in settings["users"]}
    paths = [folder["path"] for folder in folders]
    for path in dict.fromkeys(paths):
        yield from (f"jupyterhub_shared_folders: '{path}' {text}" for text in _path(path, paths))
    for folder in folders:
        yield from (f"jupyterhub_shared_folders: {folder['path']}: {text}" for text in _groups(folder, people))


def plan(settings: Settings) -> dict[str, Any]:
    """The arguments of the module shared_folders; empty where there is nothing to share."""
    if not settings["shared_folders"]:
        return {}
    present = (user for user in settings["users"] if user["state"] == "present")
    return {
        "folders": settings["shared_folders"],
        # Those that come with their people later in the run.
        "groups": sorted({group for user in present for group in user["unix_groups"]}),
        "system_groups": [settings["name"]],
    }


def paths(settings: Settings, state: str = "present") -> list[str]:
    """The paths of the folders that are shared, or of those that are no more."""
    return [folder["path"] for folder in settings["shared_folders"] if folder["state"] == state]


def links(settings: Settings) -> dict[str, Any]:
    """The options of users' servers by which these link to the folders; empty where there is none."""
    if not settings["shared_folders"]:
        return {}
    return {"SharedFolders": {"shown": paths(settings), "hidden": paths(settings, "absent")}}


def _path(path: str, every: list[str]) -> Iterator[str]:
    others = [other for other in every if other != path]
    if not PATH.fullmatch(path) or COMMON.fullmatch(path):
        yield (
            "must be the absolute path of a directory of its own, of letters, digits and . _ @ + -, without a slash at "
            "the end, such as /srv/shared/course."
        )
    elif OF_THE_SYSTEM.fullmatch(path):
        yield "is the system's; share a directory such as /srv/shared/course."
    elif HOMES.fullmatch(path):
        yield "is where homes are, which servers do not see; share a directory such as /srv/shared/course."
    elif every.count(path) > 1:
        yield "is listed twice; merge the two entries."
    for other in others:
        if path.startswith(f"{other}/"):
            yield f"lies in {other}, whose people would have it too; put them beside each other."
        elif posixpath.basename(other) == posixpath.basename(path) and path > other:
            yield f"ends like {other}, and both would have the same name in people's homes; rename one."


def _groups(folder: dict[str, Any], people: set[str]) -> Iterator[str]:
    named = [*folder["writers"], *folder["readers"]]
    if folder["state"] == "absent":
        if named:
            yield "an absent folder has no writers and readers; leave them out."
        return
    if not named:
        yield (
            "nobody could read it; name groups of the host in writers or readers. The group with the hub's name has "
            "everybody of jupyterhub_users."
        )
    for group in dict.fromkeys(named):
        if not PERSON.fullmatch(group):
            yield f"'{group}' must be the name of a group of the host, such as students."
        elif group in people:
            yield f"{group} is a person; name a group, which {group} has among unix_groups."
        elif named.count(group) > 1:
            yield f"{group} is named twice; who writes reads too, so keep one."
