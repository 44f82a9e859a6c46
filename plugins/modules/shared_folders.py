#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: shared_folders
short_description: Make directories in which groups read and write each other's files
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Makes missing directories, of root, and opens each to its groups by an access control list and a default one. What
    somebody makes there, under whatever umask, all groups read and the writers write; nobody else enters.
  - What is there already gets the same once, when the lists of the folder change. A file never gets more than its owner
    may do. Links are not followed, other file systems not entered, and files with a second name (hard links) left
    alone.
  - A folder has to lie where root alone can change the way, and neither in a home nor around one.
options:
  folders:
    description: The folders, in any order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      writers:
        description: Groups of the host whose members read and write.
        type: list
        elements: str
        default: []
      readers:
        description: Groups of the host whose members read.
        type: list
        elements: str
        default: []
      state:
        description: V(absent) closes the folder to all but root. It stays with all that is in it.
        type: str
        choices: [present, absent]
        default: present
  groups:
    description: Groups that are made where a folder names them and the host lacks them. Any other has to be there.
    type: list
    elements: str
    default: []
  system_groups:
    description: The same for system groups.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
notes:
  - The file system has to keep access control lists, as ext4, XFS and Btrfs do. No program is needed for them.
"""

EXAMPLES = r"""
- name: Share a course
  nbops.jupyter.shared_folders:
    folders:
      - {path: /srv/shared/course, writers: [teachers], readers: [students]}
      - {path: /srv/shared/last-year, state: absent}
"""

RETURN = r"""
made:
  description: Paths of directories that were or would be made.
  returned: success
  type: list
  elements: str
opened:
  description: Paths of folders that got, or would get, other lists, with all that is in them.
  returned: success
  type: list
  elements: str
closed:
  description: Paths of folders that were or would be closed.
  returned: success
  type: list
  elements: str
groups:
  description: Groups that were or would be made.
  returned: success
  type: list
  elements: str
left:
  description: Paths of files that have a second name, and were left alone.
  returned: success
  type: list
  elements: str
"""

import difflib
import grp
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person
from ansible_collections.nbops.jupyter.plugins.module_utils._files import acl, shared_folders
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

FOLDERS_SPEC = {
    "path": {"type": "path", "required": True},
    "writers": {"type": "list", "elements": "str", "default": []},
    "readers": {"type": "list", "elements": "str", "default": []},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
ARGUMENT_SPEC = {
    "folders": {"type": "list", "elements": "dict", "required": True, "options": FOLDERS_SPEC},
    "groups": {"type": "list", "elements": "str", "default": []},
    "system_groups": {"type": "list", "elements": "str", "default": []},
}


def missing_groups(params: dict[str, Any]) -> list[str]:
    """The groups to make. Raises ValueError with every one that nobody makes."""
    problems, missing = [], {}
    known = [*params["groups"], *params["system_groups"], *(group.gr_name for group in grp.getgrall())]
    for entry in params["folders"]:
        for group in (*entry["writers"], *entry["readers"]):
            try:
                grp.getgrnam(group)
            except KeyError:
                missing[group] = None
                if group not in (*params["groups"], *params["system_groups"]):
                    close = difflib.get_close_matches(group, known, 1)
                    hint = f" (did you mean {close[0]}?)" if close else ""
                    problems.append(
                        f"{entry['path']}: this host has no group {group}{hint}; make it, or give it to a person among "
                        "unix_groups."
                    )
    if problems:
        raise ValueError("\n".join(problems))
    return list(missing)


def require_places(folders: list[dict[str, Any]]) -> None:
    """Raises ValueError with every folder that is in no place for one."""
    people = [account for account in host.read_host([], []).accounts.values() if is_person(account.uid)]
    homes = {os.path.realpath(account.home): account.name for account in people}
    problems = []
    for entry in folders:
        try:
            path = shared_folders.real_path(entry["path"])
        except ValueError as error:
            problems.append(str(error))
            continue
        for home, name in homes.items():
            if home != "/" and (f"{path}/".startswith(f"{home}/") or f"{home}/".startswith(f"{path}/")):
                problems.append(f"{entry['path']}: the home of {name}, {home}, is there; share another directory.")
    if problems:
        raise ValueError("\n".join(problems))


def folder_of(entry: dict[str, Any]) -> shared_folders.Folder:
    """The folder of an entry whose groups are all there."""
    if entry["state"] == "absent":
        return shared_folders.Folder(entry["path"])
    gids = ([grp.getgrnam(group).gr_gid for group in entry[key]] for key in ("writers", "readers"))
    return shared_folders.Folder(entry["path"], acl.shared(*gids))


def changes_of(folders: list[dict[str, Any]], new_groups: list[str]) -> dict[str, list[str]]:
    """The paths to make, to open and to close."""
    found: dict[str, list[str]] = {"made": [], "opened": [], "closed": []}
    for entry in folders:
        path, exists = entry["path"], shared_folders.exists(entry["path"])
        if entry["state"] == "absent":
            if exists and not shared_folders.is_right(folder_of(entry)):
                found["closed"].append(path)
        elif not exists:
            found["made"].append(path)
        elif {*entry["writers"], *entry["readers"]} & {*new_groups} or not shared_folders.is_right(folder_of(entry)):
            found["opened"].append(path)
    return found


def carry_out(module: AnsibleModule, new_groups: list[str], changes: dict[str, list[str]]) -> list[str]:
    """Makes the groups, then the folders; returns what was left alone. Raises HostError, ValueError and OSError."""
    system = module.params["system_groups"]
    host.HostChanges(module.run_command).make_groups({group: group in system for group in new_groups})
    left = []
    for entry in module.params["folders"]:
        if entry["path"] in changes["made"]:
            shared_folders.make(entry["path"])
        if any(entry["path"] in paths for paths in changes.values()):
            left += shared_folders.establish(folder_of(entry))
    return left


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    left, started = [], False
    try:
        new_groups = missing_groups(module.params)
        require_places(module.params["folders"])
        changes = changes_of(module.params["folders"], new_groups)
        if not module.check_mode:
            started = bool(new_groups) or any(changes.values())
            left = carry_out(module, new_groups, changes)
    except (host.HostError, OSError, ValueError) as error:
        module.fail_json(msg=str(error), changed=started)
    for path in left:
        module.warn(f"{path} has a second name, a hard link, and is left alone; copy it to share it.")
    lines = [f"make the group {group}\n" for group in new_groups]
    verbs = {"made": "make", "opened": "open", "closed": "close"}
    lines += [f"{verbs[key]} {path}\n" for key in verbs for path in changes[key]]
    module.exit_json(
        changed=bool(lines),
        groups=new_groups,
        left=left,
        **changes,
        diff={"prepared": "".join(lines)} if lines else {},
    )


if __name__ == "__main__":
    main()
