#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_config
short_description: Write configuration files of nginx that it accepts, or none
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
  - nbops.jupyter._mark
description:
  - Writes and removes any number of files below nginx's directory in one change. Afterwards either the running nginx
    has loaded all of them, or all files are as they were.
  - Before anything on disk changes, nginx tests the new files together with the host's whole configuration, in a mount
    namespace.
  - Reloads the running nginx, never restarts it, and waits for its new workers.
  - Completes a run that was interrupted between writing and loading.
  - Neither replaces nor removes a file that lacks O(mark).
options:
  directory:
    description: Directory that contains the files. Other files in it are left alone.
    type: path
    default: /etc/nginx
  files:
    description:
      - Maps the path of each file below O(directory) to its text, which contains O(mark), or to null to remove it.
      - nginx has to include each file whose name ends in C(.conf). Other files are pages and the like; their
        directories are created, and removed with the last page.
    type: dict
    default: {}
  private_files:
    description:
      - The same for files that only root and O(private_group) can read, such as passwords. A diff does not show them.
    type: dict
    default: {}
  private_group:
    description: Group of nginx's workers.
    type: str
    default: www-data
  logs:
    description:
      - Log files that the configuration names. nginx would create them readable for everybody; the module lets only the
        group C(adm) read them.
    type: list
    elements: path
    default: []
  requires:
    description:
      - Files that the configuration names and that earlier tasks create, for example certificates.
      - In check mode, nginx does not test the configuration while one of them is missing.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    details: nginx tests the change if it is installed and no file in O(requires) is missing.
  diff_mode:
    support: full
    details: Private files are not shown.
notes:
  - The mount namespace needs C(CAP_SYS_ADMIN). Root has it on every machine; a container needs it added.
  - An nginx that is stopped, or that systemd did not start, is not reloaded.
requirements:
  - systemd, and the commands C(unshare) and C(mount) of util-linux on the target
"""

EXAMPLES = r"""
- name: Serve the static pages
  nbops.jupyter.nginx_config:
    mark: written by the pages playbook
    files:
      conf.d/pages.conf: |
        # written by the pages playbook
        server {
            listen 8080;
            root /srv/pages;
        }
      conf.d/old-pages.conf: null
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were or would be written or removed.
  returned: success
  type: list
  elements: str
  sample: [conf.d/pages.conf]
reloaded:
  description: Whether a running nginx loaded or would load the files.
  returned: success
  type: bool
  sample: true
"""

import contextlib
import grp
import os
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import HOST, alone
from ansible_collections.nbops.jupyter.plugins.module_utils._files.marks import require_mark
from ansible_collections.nbops.jupyter.plugins.module_utils._files.pending import PendingLoad
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.files import (
    TargetFile,
    is_public_log,
    is_safe,
    protect_log,
    write,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.service import Nginx, NginxError
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

PENDING = "/run/nginx-config.pending"

ARGUMENT_SPEC = {
    "directory": {"type": "path", "default": "/etc/nginx"},
    "files": {"type": "dict", "default": {}},
    "private_files": {"type": "dict", "default": {}, "no_log": True},
    "private_group": {"type": "str", "default": "www-data"},
    "mark": {"type": "str", "required": True},
    "logs": {"type": "list", "elements": "path", "default": []},
    "requires": {"type": "list", "elements": "path", "default": []},
}


@dataclass(frozen=True)
class Plan:
    """The files that differ, as they are and as they shall be, and the logs that everybody can read."""

    before: list[TargetFile]
    after: list[TargetFile]
    public_logs: list[str]
    is_unloaded: bool  # whether nginx has to load the files, also because an earlier run was interrupted


def wanted_files(params: dict, check_mode: bool) -> list[TargetFile]:
    """The files of both options, sorted. Raises ValueError where one cannot be ours."""
    texts = {**params["files"], **params["private_files"]}
    group = group_id(params["private_group"], check_mode) if params["private_files"] else None
    for name, text in texts.items():
        if os.path.normpath(name) != name or name.startswith(("/", "..")):
            raise ValueError(f"{name!r} is not the path of a file below {params['directory']}.")
        if text is not None and params["mark"] not in text:
            raise ValueError(f"The text for {name} lacks the mark '{params['mark']}'.")
    return [
        TargetFile(
            name, None if text is None else text.encode(), group=group if name in params["private_files"] else None
        )
        for name, text in sorted(texts.items())
    ]


def group_id(name: str, check_mode: bool) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        # In check mode the package that creates the group may not be installed yet.
        if check_mode:
            return 0
        raise ValueError(f"There is no group {name} on this host.") from None


def make_plan(directory: str, files: list[TargetFile], mark: str, logs: list[str]) -> Plan:
    """Compares the files with the host. Raises ValueError where a file of somebody else is in the way."""
    before, after = [], []
    for file in files:
        path = os.path.join(directory, file.name)
        present = read_or_none(path)
        require_mark(path, decoded(present), mark)
        if present != file.data or (present is not None and not is_safe(path, file.group)):
            before.append(TargetFile(file.name, present, file.group))
            after.append(file)
    return Plan(
        before=before,
        after=after,
        public_logs=[log for log in logs if is_public_log(log)],
        is_unloaded=bool(after) or PendingLoad(PENDING).exists(),
    )


def decoded(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="replace")


def apply(plan: Plan, nginx: Nginx, directory: str, error_log: str) -> bool:
    """Writes the files and loads them; returns whether nginx runs. If it fails, the files are as they were."""
    for log in plan.public_logs:
        protect_log(log)
    if not plan.is_unloaded:
        return False
    with PendingLoad(PENDING).transaction(undo=lambda: write(directory, plan.before)):
        write(directory, plan.after)
        return nginx.reload(error_log)


def run(module: AnsibleModule) -> None:
    """Ends the module, with files that are written and loaded, or with the host as it was."""
    params = module.params
    directory = params["directory"].rstrip("/")
    executable = module.get_bin_path("nginx", required=not module.check_mode)
    nginx = Nginx(module.run_command, executable) if executable else None
    # In check mode, earlier tasks have not created the files that nginx needs to test the configuration.
    is_testable = nginx and not (module.check_mode and not all(map(os.path.exists, params["requires"])))
    error_log = ""
    try:
        plan = make_plan(directory, wanted_files(params, module.check_mode), params["mark"], params["logs"])
        if plan.is_unloaded and is_testable:
            error_log = nginx.validate(directory, plan.after, params["logs"])
    except (NginxError, OSError, ValueError) as error:
        module.fail_json(msg=f"{error}\nNothing was changed.")

    if module.check_mode:
        reloaded = bool(plan.is_unloaded and nginx and nginx.master())
    else:
        try:
            reloaded = apply(plan, nginx, directory, error_log)
        except (NginxError, OSError) as error:
            module.fail_json(msg=f"nginx keeps its old configuration, and the files are as they were: {error}")

    module.exit_json(
        changed=bool(plan.is_unloaded or plan.public_logs),
        changed_files=[file.name for file in plan.after],
        reloaded=reloaded,
        diff=[
            file_diff(os.path.join(directory, old.name), decoded(old.data), decoded(new.data))
            for old, new in zip(plan.before, plan.after, strict=True)
            if new.group is None
        ],
    )


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    try:
        with contextlib.nullcontext() if module.check_mode else alone(HOST):
            run(module)
    except OSError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
