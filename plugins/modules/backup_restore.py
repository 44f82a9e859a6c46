#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_restore
short_description: Put the state of a snapshot in place
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._repository
description:
  - Makes the accounts of a snapshot with their numbers, and puts the files of a hub and of labs, homes and directories
    in place, on a host that has none.
  - Says everything that is in the way at once, before the first change. An interrupted run is completed by the next.
  - With O(home), brings the home of one person beside the one that they have instead.
options:
  host:
    description: Name of the host that made the snapshot.
    type: str
    required: true
  snapshot:
    description: V(latest), or the beginning of the id of a snapshot.
    type: str
    default: latest
  hub:
    description: Name of the hub that this host is to have, empty for none.
    type: str
    default: ""
  database:
    description: Kind of its database, V(sqlite), V(postgresql) on this host, or V(elsewhere).
    type: str
    default: ""
  file:
    description: File of its database.
    type: path
    default: ""
  labs:
    description: Names of the labs that this host is to have.
    type: list
    elements: str
    default: []
  paths:
    description: Other directories that are restored.
    type: list
    elements: path
    default: []
  home:
    description: Name of the person whose home alone is wanted, beside the one that they have.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    details: Looks into the repository where restic is installed, and says what is in the way.
"""

EXAMPLES = r"""
- name: Look for what a person lost
  nbops.jupyter.backup_restore:
    repository: /mnt/backup
    password: "{{ vault_backup_password }}"
    host: lab.example.org
    home: ada
"""

RETURN = r"""
snapshot:
  description: Id of the snapshot, with what its manifest says of the host that made it.
  returned: always
  type: dict
locks:
  description: Locks of the environments by their directories.
  returned: without O(home)
  type: dict
accounts:
  description: Names of the accounts that were or would be made.
  returned: always
  type: list
  elements: str
files:
  description: Paths of the files that root placed.
  returned: always
  type: list
  elements: str
homes:
  description: Paths of the restored homes by their people.
  returned: always
  type: dict
paths:
  description: Where the other directories are.
  returned: always
  type: list
  elements: str
left_out:
  description: Devices, pipes and sockets, and of certificates what is here already or has certbot run programs.
  returned: always
  type: list
  elements: str
"""

import tempfile
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.database import DatabaseError
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner, surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._state import manifest, repository, restore

ARGUMENT_SPEC = {
    **repository.ARGUMENTS,
    "host": {"type": "str", "required": True},
    "snapshot": {"type": "str", "default": "latest"},
    "hub": {"type": "str", "default": ""},
    "database": {"type": "str", "default": ""},
    "file": {"type": "path", "default": ""},
    "labs": {"type": "list", "elements": "str", "default": []},
    "paths": {"type": "list", "elements": "path", "default": []},
    "home": {"type": "str", "default": ""},
}


def run(module: AnsibleModule, directory: str) -> dict[str, Any]:
    """The result of the module; secrets are in a directory. Raises ManifestError, RepositoryError, OSError."""
    parameters = module.params
    found = repository.opened(parameters, directory)
    found.require()
    snapshot = restore.Snapshot(found, parameters["host"], parameters["snapshot"])
    shown = {"snapshot": {"id": snapshot.id, **manifest.summary(snapshot.manifest)}}
    if parameters["home"]:
        restore.require_home(snapshot, parameters["home"])
        outcome = restore.Outcome() if module.check_mode else restore.restore_home(snapshot, parameters["home"])
        return {**shown, **asdict(outcome), "changed": True}
    wanted = restore.Wanted(*(parameters[name] for name in ("hub", "database", "file", "labs", "paths")))
    shown["locks"] = restore.locks(snapshot, found)
    if restore.is_restored(snapshot):
        return {**shown, **asdict(restore.Outcome()), "changed": False}
    problems = restore.problems(snapshot, wanted, module.run_command)
    if problems:
        raise manifest.ManifestError(*problems)
    if module.check_mode:
        return {**shown, **asdict(restore.Outcome()), "changed": True}
    return {**shown, **asdict(restore.Restore(snapshot, wanted, module.run_command).run()), "changed": True}


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    runner.run_by_module(module)
    if module.check_mode and not module.get_bin_path(repository.RESTIC):
        module.exit_json(changed=True, snapshot={}, locks={}, **asdict(restore.Outcome()))
    try:
        with tempfile.TemporaryDirectory(dir=module.tmpdir) as directory:
            result = run(module, directory)
    except manifest.ManifestError as error:
        module.fail_json(msg="\n".join(str(problem) for problem in error.args))
    except (DatabaseError, repository.RepositoryError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
