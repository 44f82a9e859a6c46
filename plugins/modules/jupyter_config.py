#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_config
short_description: Write Jupyter configuration files that their own environment accepts
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Writes any number of JSON configuration files for Jupyter applications in one call.
  - Before anything is written, all of them are checked by the traits of the environment that will read them. An unknown
    class or option, or a value of the wrong type, refuses all files, where Jupyter itself would only log a warning.
  - A file is checked again, although unchanged, when its environment has been replaced since it was written.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path of the file. Its directory is made, readable by everybody, if it is missing.
        type: path
        required: true
      config:
        description: Class names to options to values. Shown in the diff.
        type: dict
        default: {}
      python:
        description:
          - Interpreter of the environment that will read the file, for example C(/opt/jupyterlab/current/bin/python).
          - Without it the file is written unchecked.
        type: path
      modules:
        description: Modules to import in that environment so that their classes are known.
        type: list
        elements: str
        default: []
      mode:
        description: Permissions. The files belong to root.
        type: str
        default: "0600"
  secrets:
    description:
      - Path of a file to what is merged into its configuration without being shown, for example a password hash.
    type: dict
    default: {}
  shadows:
    description:
      - Directories whose Jupyter configuration files are not read by the servers configured here.
        A warning names each file found.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Can run in check mode and predict the changes.
    support: full
    details:
      - On a host whose environment does not exist yet, nothing can be checked; the files are predicted as changed.
  diff_mode:
    description: Shows what changes, without the secrets.
    support: full
"""

EXAMPLES = r"""
- name: Configure a JupyterLab server
  nbops.jupyter.jupyter_config:
    files:
      - path: /etc/jupyterlab/lab/config.json
        python: /opt/jupyterlab/current/bin/python
        modules: [jupyterlab.labapp]
        config:
          ServerApp: {ip: 127.0.0.1, port: 8888, open_browser: false}
    secrets:
      /etc/jupyterlab/lab/config.json:
        PasswordIdentityProvider: {hashed_password: "{{ hash }}"}
"""

RETURN = r"""
changed_files:
  description: Paths of the files that were or would be written.
  returned: success
  type: list
  elements: str
shadows:
  description: Configuration files found in the directories of O(shadows).
  returned: success
  type: list
  elements: str
"""

import glob
import inspect
import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.dict_transformations import dict_merge
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import config_check

SHADOW_PATTERN = "jupyter_*config.*"


def rendered(config):
    return json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def current_text(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def environment_is_newer(path, python):
    """Whether the release behind `python` took its place after the file was written."""
    release_link = os.path.dirname(os.path.dirname(python))
    return os.lstat(release_link).st_mtime > os.stat(path).st_mtime


def without_secrets(text, secret):
    """The file's text with every option that the secrets set replaced, for the diff."""
    if text is None:
        return ""
    try:
        config = json.loads(text)
    except ValueError:
        return "(not JSON)\n"
    for class_name, options in secret.items():
        for option in options:
            if option in config.get(class_name, {}):
                config[class_name][option] = "(hidden)"
    return rendered(config)


def check_files(module, entries):
    """Fail, naming everything that is wrong, unless each environment accepts its files."""
    program = inspect.getsource(config_check).encode()
    problems = []
    for python, modules in sorted({(entry["python"], tuple(entry["modules"])) for entry in entries}):
        mine = [entry for entry in entries if (entry["python"], tuple(entry["modules"])) == (python, modules)]
        request = json.dumps({"modules": modules, "configs": [entry["merged"] for entry in mine]})
        with tempfile.NamedTemporaryFile(dir=module.tmpdir, suffix=".py") as script:
            script.write(program)
            script.flush()
            # Isolated, and without a home: root's own Jupyter files must not take part.
            code, out, err = module.run_command(
                [python, "-I", script.name],
                data=request,
                environ_update={"HOME": module.tmpdir, "JUPYTER_NO_CONFIG": "1"},
            )
        if code != 0:
            module.fail_json(msg=f"{python} cannot check the configuration: {err[-2000:]}")
        for entry, messages in zip(mine, json.loads(out)):
            problems.extend(f"{entry['path']}: {message}" for message in messages)
    if problems:
        module.fail_json(msg="The configuration was refused and nothing was written. " + "; ".join(problems))


def write(entry):
    os.makedirs(os.path.dirname(entry["path"]), mode=0o755, exist_ok=True)
    atomic.write(entry["path"], entry["text"].encode(), int(entry["mode"], 8))


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "config": {"type": "dict", "default": {}},
                    "python": {"type": "path"},
                    "modules": {"type": "list", "elements": "str", "default": []},
                    "mode": {"type": "str", "default": "0600"},
                },
            },
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "shadows": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    entries = module.params["files"]
    changed, to_check, diffs = [], [], []
    for entry in entries:
        secret = module.params["secrets"].get(entry["path"], {})
        entry["merged"] = dict_merge(entry["config"], secret)
        entry["text"] = rendered(entry["merged"])
        before = current_text(entry["path"])
        has_environment = entry["python"] is not None and os.path.exists(entry["python"])
        if before != entry["text"]:
            changed.append(entry)
            diffs.append(
                {
                    "before_header": entry["path"],
                    "after_header": entry["path"],
                    "before": without_secrets(before, secret),
                    "after": without_secrets(entry["text"], secret),
                }
            )
        elif has_environment and environment_is_newer(entry["path"], entry["python"]):
            to_check.append(entry)
        if before != entry["text"] and (has_environment or (entry["python"] and not module.check_mode)):
            to_check.append(entry)

    check_files(module, to_check)
    if not module.check_mode:
        for entry in changed:
            write(entry)
        for entry in to_check:
            os.utime(entry["path"])

    shadows = sorted(
        path for directory in module.params["shadows"] for path in glob.glob(os.path.join(directory, SHADOW_PATTERN))
    )
    for path in shadows:
        module.warn(
            f"{path} is not read by the managed server; say its options in the server's variables, then remove it"
        )
    module.exit_json(
        changed=bool(changed), changed_files=[entry["path"] for entry in changed], shadows=shadows, diff=diffs
    )


if __name__ == "__main__":
    main()
