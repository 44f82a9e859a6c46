#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_program
short_description: Install the program that makes backups, once its repository opens
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._repository
description:
  - Opens the repository with restic, or makes it, before anything on the host changes.
  - Installs the program that the units of the role P(nbops.jupyter.backup#role) run, its settings and its secrets.
options:
  state:
    description: V(absent) removes the program, its settings, secrets and cache. The repository stays.
    type: str
    choices: [present, absent]
    default: present
  program:
    description: Text of the program, C(files/backup.py) of the role.
    type: str
    default: ""
  settings:
    description: What is collected and kept, as the role plans it.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    details: Opens the repository where restic is installed, and makes none.
"""

EXAMPLES = r"""
- name: Remove the program
  nbops.jupyter.backup_program:
    state: absent
"""

RETURN = r"""
created:
  description: Whether the repository was or would be made.
  returned: always
  type: bool
"""

import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host as accounts_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import model as accounts_model
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import people
from ansible_collections.nbops.jupyter.plugins.module_utils._files import (
    atomic,
    beneath,
    locks,
    managed_files,
    ownership,
    programs,
    read,
    sqlite,
    textfile,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner, surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import store
from ansible_collections.nbops.jupyter.plugins.module_utils._state import (
    backup,
    certificates,
    manifest,
    mounts,
    repository,
)

# The program runs from here, and imports the collection's modules by their own names. The role's units name it.
LIBRARY = "/usr/local/lib/nbops-backup"
PROGRAM = f"{LIBRARY}/backup.py"
TEXTFILE = f"{backup.TEXTFILES}/{backup.METRICS}"
PROGRAM_MODULES = (
    *(accounts_host, accounts_model, people, runner, store),
    *(atomic, beneath, locks, ownership, read, sqlite, textfile),
    *(backup, certificates, manifest, mounts, repository),
)
ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "program": {"type": "str", "default": ""},
    **repository.ARGUMENTS,
    "settings": {"type": "dict", "default": {}},
}


def try_repository(module: AnsibleModule) -> bool:
    """Opens the repository, or makes it; returns whether it was or would be made. Raises RepositoryError, OSError."""
    with tempfile.TemporaryDirectory(dir=module.tmpdir) as directory:
        found = repository.opened(module.params, directory)
        try:
            found.require()
        except repository.NoRepositoryError:
            if not module.check_mode:
                found.create()
            return True
        return False


def install(module: AnsibleModule, files: managed_files.ManagedFiles) -> None:
    """Writes program, settings and secrets. Raises OSError."""
    parameters = module.params
    programs.write_program(files, PROGRAM, parameters["program"], PROGRAM_MODULES)
    texts = repository.secret_texts(parameters)
    if not module.check_mode:
        os.makedirs(repository.SECRETS, mode=0o700, exist_ok=True)
        os.chmod(repository.DIRECTORY, 0o700)
    for name in repository.SECRET_NAMES:
        path = os.path.join(repository.SECRETS, name)
        if name in texts:
            files.write(path, texts[name], 0o600)
        else:
            files.remove(path)
    files.write(repository.KNOWN_HOSTS, parameters["known_hosts"], 0o600)
    settings = {"repository": parameters["repository"], **parameters["settings"]}
    files.write(repository.SETTINGS, json.dumps(settings, indent=1, sort_keys=True) + "\n", 0o600)


def main():
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    runner.run_by_module(module)
    files = managed_files.ManagedFiles(module.check_mode)
    created = False
    try:
        if module.params["state"] == "absent":
            for path in (LIBRARY, repository.DIRECTORY, repository.CACHE, manifest.STATE, TEXTFILE):
                files.remove(path)
        else:
            # In check mode an earlier task may be what would install it.
            if not module.check_mode or module.get_bin_path(repository.RESTIC):
                created = try_repository(module)
            install(module, files)
    except (repository.RepositoryError, OSError, ValueError) as error:
        module.fail_json(msg=f"{error}. Nothing was changed.")
    module.exit_json(changed=files.changed or created, created=created)


if __name__ == "__main__":
    main()
