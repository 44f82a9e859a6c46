#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_config
short_description: Write Jupyter configuration files that their environment accepts
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Writes any number of JSON configuration files for Jupyter applications in one call.
  - Before anything is written, all of them are checked by the traits of the environment that will read them. An unknown
    class or option, or a value of the wrong type, refuses all files, where Jupyter itself would only log a warning.
  - Python that a configuration loads afterwards is run for the check, in a sandbox without a network. A syntax error,
    an exception, and a change of an option that is guarded refuse everything as well.
  - A file is checked again, although unchanged, when its environment has been replaced since it was written.
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path of the file. A missing directory is created, readable by everybody.
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
      kept_path:
        description:
          - An option with a URL whose path must not change while certain units run, which would go on at the old one.
            The change is refused before anything is written.
        type: dict
        suboptions:
          option:
            description: Class and option, such as V(JupyterHub.bind_url).
            type: str
            required: true
          units:
            description: Names of the units, such as V(jupyterhub-user-*.service).
            type: str
            required: true
          variable:
            description: The variable that the path comes from, for the message.
            type: str
            required: true
      python_config:
        description:
          - Files of Python that are loaded after this one, in their order. They find the configuration as C(c). Shown
            in the diff, so no secrets.
        type: dict
        suboptions:
          directory:
            description:
              - Absolute path of the directory that they lie in. Other files in it stay, because the unit that runs may
                still name them; see RV(unlisted).
            type: path
            required: true
          files:
            description: The files.
            type: list
            elements: dict
            default: []
            suboptions:
              name:
                description: Two digits, which say the place in the order, and a name, such as V(01-hooks.py).
                type: str
                required: true
              content:
                description: The text.
                type: str
                required: true
          guarded:
            description:
              - Options that Python must not change, because they are said elsewhere, by class names and regular
                expressions for names of options, each with what to do instead. An option of a class above or below is
                one of them.
            type: dict
            default: {}
          unless:
            description: What to say in the variables where Python may change such an option, for the message.
            type: str
            default: ""
      mode:
        description: Permissions. The files belong to root, and only root reads those of Python.
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
    support: full
    details: Files whose environment does not exist yet are predicted as changed without a check.
  diff_mode:
    support: full
    details: Secrets are hidden.
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
unlisted:
  description:
    - Paths to remove once the units are written. They are of files that no O(files[].python_config) lists, or of a
      directory in which there is nothing else.
  returned: success
  type: list
  elements: str
"""

import contextlib
import fnmatch
import inspect
import json
import os
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.dict_transformations import dict_merge
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic, beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import config_check, python_config
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.manager import Host, SystemdError

SHADOW_PATTERN = "jupyter_*config.*"
MESSAGE_LENGTH = 2000
PYTHON_MODE = 0o600

ARGUMENT_SPEC = {
    "files": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "path": {"type": "path", "required": True},
            "config": {"type": "dict", "default": {}},
            "python": {"type": "path"},
            "modules": {"type": "list", "elements": "str", "default": []},
            "kept_path": {
                "type": "dict",
                "options": {
                    "option": {"type": "str", "required": True},
                    "units": {"type": "str", "required": True},
                    "variable": {"type": "str", "required": True},
                },
            },
            "python_config": {
                "type": "dict",
                "options": {
                    "directory": {"type": "path", "required": True},
                    "files": {
                        "type": "list",
                        "elements": "dict",
                        "default": [],
                        "options": {
                            "name": {"type": "str", "required": True},
                            "content": {"type": "str", "required": True},
                        },
                    },
                    "guarded": {"type": "dict", "default": {}},
                    "unless": {"type": "str", "default": ""},
                },
            },
            "mode": {"type": "str", "default": "0600"},
        },
    },
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "shadows": {"type": "list", "elements": "path", "default": []},
}


class ConfigurationError(Exception):
    """A configuration is refused, or cannot be checked; the text says why and holds no values."""


@dataclass(frozen=True)
class Text:
    """A file as it should be, and the text that is there now, None for no file."""

    path: str
    mode: int
    after: str
    before: str | None
    secret: dict | None = None

    @property
    def is_changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> dict[str, str]:
        if self.secret is None:
            return file_diff(self.path, self.before, self.after)
        before, after = (without_secrets(text, self.secret) for text in (self.before, self.after))
        return file_diff(self.path, before, after)

    def apply(self) -> None:
        """Writes the file."""
        os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
        atomic.write(self.path, self.after.encode(), self.mode)


@dataclass(frozen=True)
class File:
    """A configuration: its file, what its environment is asked about it, and the Python that is loaded afterwards."""

    json: Text
    python: str | None
    modules: tuple[str, ...]
    config: dict
    kept_path: dict | None
    drop_ins: tuple[Text, ...]
    guarded: dict
    unless: str

    @property
    def path(self) -> str:
        return self.json.path

    @property
    def changes(self) -> list[Text]:
        """The files to write."""
        return [text for text in (self.json, *self.drop_ins) if text.is_changed]

    @property
    def has_environment(self) -> bool:
        return self.python is not None and os.path.exists(self.python)

    def question(self) -> dict:
        """What the program that checks configurations is asked."""
        drop_ins = [(text.path, text.after) for text in self.drop_ins]
        return {"config": self.config, "drop_ins": drop_ins, "guarded": self.guarded, "unless": self.unless}


@dataclass(frozen=True)
class Plan:
    """The files to write, and the configurations to check: those, and those whose environment is newer."""

    write: list[Text]
    check: list[File]


def rendered(config: dict) -> str:
    """The text of a configuration file."""
    return json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def without_secrets(text: str | None, secret: dict) -> str | None:
    """The text of a file for the diff. The values of all options in `secret` are replaced."""
    if text is None:
        return None
    try:
        config = json.loads(text)
    except ValueError:
        return "(not JSON)\n"
    for class_name, options in secret.items():
        for option in options:
            if option in config.get(class_name, {}):
                config[class_name][option] = "(hidden)"
    return rendered(config)


def read_files(entries: list[dict], secrets: dict) -> list[File]:
    """The files as they should be and as they are."""
    return [read_file(entry, secrets.get(entry["path"], {})) for entry in entries]


def read_file(entry: dict, secret: dict) -> File:
    config, later = dict_merge(entry["config"], secret), entry["python_config"] or {}
    before = text_or_none(entry["path"])
    return File(
        json=Text(entry["path"], int(entry["mode"], 8), rendered(config), before, secret),
        python=entry["python"],
        modules=tuple(entry["modules"]),
        config=config,
        kept_path=entry["kept_path"],
        drop_ins=tuple(read_drop_ins(later["directory"], later["files"])) if later else (),
        guarded=later.get("guarded", {}),
        unless=later.get("unless", ""),
    )


def read_drop_ins(directory: str, files: list[dict]) -> Iterator[Text]:
    """The files of Python in a directory, in their order."""
    for file in sorted(files, key=lambda file: file["name"]):
        path = os.path.join(directory, file["name"])
        yield Text(path, PYTHON_MODE, file["content"], text_or_none(path))


def find_unlisted(entries: list[dict]) -> list[str]:
    """What is to go from the directories of Python files: files that no entry lists, or all of a directory."""
    found = []
    for later in (entry["python_config"] for entry in entries if entry["python_config"]):
        directory, wanted = later["directory"], {file["name"] for file in later["files"]}
        there = list(os.scandir(directory)) if os.path.isdir(directory) else []
        # A directory is what Python leaves where somebody compiled a file.
        files = sorted(entry.name for entry in there if not entry.is_dir())
        others = [os.path.join(directory, name) for name in files if name not in wanted]
        found += [directory] if len(others) == len(there) > 0 and not wanted else others
    return found


def make_plan(files: list[File]) -> Plan:
    """What to write and what to check."""
    return Plan(
        write=[text for file in files for text in file.changes],
        check=[file for file in files if (file.python if file.changes else file.has_environment and is_doubtful(file))],
    )


def is_doubtful(file: File) -> bool:
    """Whether an unchanged file may be wrong now. What Python has to leave alone is in no file, so it is asked anew."""
    return bool(file.guarded) or is_outdated(file)


def environment_of(python: str) -> str:
    """The directory of an environment, or the link to it, by the path of its interpreter."""
    return os.path.dirname(os.path.dirname(python))


def is_outdated(file: File) -> bool:
    """Whether the environment was replaced after the file was written or checked."""
    return os.lstat(environment_of(file.python)).st_mtime > os.stat(file.path).st_mtime


def check(module: AnsibleModule, files: list[File]) -> None:
    """Raises ConfigurationError, which names everything that is wrong, unless each environment accepts its files."""
    problems = []
    for python, modules in sorted({(file.python, file.modules) for file in files}):
        group = [file for file in files if (file.python, file.modules) == (python, modules)]
        for file, messages in zip(group, ask(module, python, modules, group)):
            problems += [told(file, message) for message in messages]
    if problems:
        raise ConfigurationError("The configuration was refused and nothing was written. " + "; ".join(problems))


def told(file: File, message: str) -> str:
    """A message with the file that it is about."""
    is_about_python = message.startswith(tuple(text.path for text in file.drop_ins))
    return message if is_about_python else f"{file.path}: {message}"


def ask(module: AnsibleModule, python: str, modules: tuple[str, ...], files: list[File]) -> list[list[str]]:
    """What an environment says against each configuration. Its packages are foreign code, so root does not run them."""
    request = {
        "modules": modules,
        "loader": inspect.getsource(python_config),
        "configs": [file.question() for file in files],
    }
    # Isolated and with an empty home, so that nobody's own Jupyter files count.
    program = [python, "-I", "-c", inspect.getsource(config_check)]
    sandbox = Sandbox(shown=[f"-{environment_of(python)}"])
    # Not a pipe: a program that ends before it has read would break it, and its own words would be lost. In memory,
    # because secrets are asked about too.
    with (
        open(os.memfd_create("question"), "w", encoding="utf-8") as question,
        sandbox.command(program, {"JUPYTER_NO_CONFIG": "1"}, reads=True) as command,
    ):
        json.dump(request, question)
        question.flush()
        number = question.fileno()
        asking = ["/bin/sh", "-c", f'exec "$@" </dev/fd/{number}', "sh", *command]
        code, out, err = module.run_command(asking, pass_fds=[number])
    try:
        return json.loads(out if code == 0 else "")
    except ValueError:
        # Python of an administrator may even end the process.
        raise ConfigurationError(f"{python} cannot check the configuration: {err[-MESSAGE_LENGTH:]}") from None


def require_kept_paths(module: AnsibleModule, files: list[File]) -> None:
    """Raises ConfigurationError where units run that would stay behind at a path that nobody asks for any more.

    Raises SystemdError where systemd does not say which units run.
    """
    for file in files:
        if not file.kept_path:
            continue
        old, new = (path_of(text, file.kept_path["option"]) for text in (file.json.before, file.json.after))
        if not old or old == new:
            continue
        running = Host(module.run_command).active(file.kept_path["units"])
        if running:
            raise ConfigurationError(
                f"{file.kept_path['variable']} cannot change from {old} to {new} while servers run that would stay at "
                f"{old}: {', '.join(running)}. Stop them first, and run again; nothing was written."
            )


def path_of(text: str | None, option: str) -> str:
    """The path of a URL in a configuration file; empty where there is no such file or option."""
    class_name, _dot, name = option.partition(".")
    try:
        return urlsplit(json.loads(text or "{}").get(class_name, {}).get(name, "")).path
    except (AttributeError, ValueError):
        return ""


def apply(plan: Plan) -> None:
    """Writes the files, and notes by the time of each checked one that it fits its environment."""
    for text in plan.write:
        text.apply()
    for file in plan.check:
        # Services restart for a file that is newer than they are.
        if is_outdated(file):
            os.utime(file.path)


def find_shadows(directories: list[str]) -> list[str]:
    """The configuration files in directories that the servers do not read."""
    found = []
    for directory in directories:
        # A directory to which a person's link leads is not the servers' to read either.
        with contextlib.suppress(OSError, ValueError):
            names = beneath.listing(directory)
            found += [os.path.join(directory, name) for name in fnmatch.filter(names, SHADOW_PATTERN)]
    return sorted(found)


def require_open(files: list[File]) -> None:
    """Requires that people reach the files that their servers read. Raises ConfigurationError.

    A server that does not see its configuration runs without it. What somebody has closed is not opened for them:
    there may be a secret beside.
    """
    for text in (text for file in files for text in (file.json, *file.drop_ins) if text.mode & 0o004):
        for parent in pathlib.PurePath(text.path).parents[:2]:
            with contextlib.suppress(FileNotFoundError):
                if not os.stat(parent).st_mode & 0o001:
                    raise ConfigurationError(
                        f"{parent} is closed to the people whose servers read {text.path}. See that nobody else's "
                        f"secrets lie open in it, run `chmod 0755 {parent}`, and then the playbook again."
                    )


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    try:
        files = read_files(module.params["files"], module.params["secrets"])
        plan = make_plan(files)
        # In check mode, an earlier task may have been about to build the environment.
        checkable = [file for file in plan.check if file.has_environment or not module.check_mode]
        require_open(files)
        require_kept_paths(module, files)
        check(module, checkable)
        if not module.check_mode:
            apply(plan)
    except (ConfigurationError, OSError, SystemdError) as error:
        module.fail_json(msg=str(error))

    shadows = find_shadows(module.params["shadows"])
    for path in shadows:
        module.warn(
            f"{path} is not read by the managed server; say its options in the server's variables, then remove it"
        )
    module.exit_json(
        changed=bool(plan.write),
        changed_files=[text.path for text in plan.write],
        shadows=shadows,
        unlisted=find_unlisted(module.params["files"]),
        diff=[text.diff() for text in plan.write],
    )


if __name__ == "__main__":
    main()
