#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: jupyter_kernels
short_description: Keep the kernels of a host
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Writes a C(kernel.json) for each kernel where every Jupyter server of the host finds it, and removes those that it
    wrote before and that are no longer asked for. Kernels of others are neither replaced nor removed.
  - A kernel may be for the members of one Unix group. Others neither see nor start it, nor enter its environment.
  - Before a kernel is written, its program has to be one that an account without rights can start.
  - Called with O(prepare_only) first, it refuses what cannot become a kernel before anything is built, and makes the
    directories of the environments, open to nobody who should not enter them.
options:
  kernels:
    description: All kernels that the host is to have of this module.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of its directory.
        type: str
        required: true
      spec:
        description: What its C(kernel.json) holds.
        type: dict
        required: true
      group:
        description: Unix group whose members alone see it; empty for everybody.
        type: str
        default: ""
      environment:
        description: Whether O(environments) has a directory of its name for its packages.
        type: bool
        default: false
      packaged:
        description:
          - Whether an earlier task installs packages of the system for it. Check mode then takes a missing program for
            one that the run would install.
        type: bool
        default: false
      prefix:
        description: An environment of somebody else that it runs from, which has to hold ipykernel; empty for none.
        type: str
        default: ""
      logos:
        description: A directory of root's with logos for it; empty for none.
        type: str
        default: ""
  environments:
    description: Directory of the environments.
    type: path
    required: true
  directory:
    description: Directory of the kernels.
    type: path
    default: /usr/local/share/jupyter/kernels
  prepare_only:
    description: Whether to write no kernel yet.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: What an earlier task would have made is a warning instead of an error.
  diff_mode:
    support: full
    details: Shows each C(kernel.json).
requirements:
  - the commands C(setpriv) and C(timeout), which every Debian has
"""

EXAMPLES = r"""
- name: Give all servers of the host Julia
  nbops.jupyter.jupyter_kernels:
    environments: /opt/jupyter-kernels
    kernels:
      - name: julia
        spec:
          argv: [/opt/julia/bin/julia, -i, /opt/julia/kernel.jl, "{connection_file}"]
          display_name: Julia
          language: julia
"""

RETURN = r"""
written:
  description: Names of the kernels that were or would be written.
  returned: success
  type: list
  elements: str
  sample: [julia]
removed:
  description: Names of the kernels that were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
unneeded:
  description: Names of the environments that no kernel needs any more.
  returned: success
  type: list
  elements: str
  sample: []
others:
  description: Names of what else is in the directory of the environments.
  returned: success
  type: list
  elements: str
  sample: []
"""

import grp
import os
import shutil
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import kernel_specs
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter.kernel_specs import Access, KernelDirectory
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings

NOBODY = "65534"
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", "--clear-groups", "--no-new-privs")
BARE = ("env", "--ignore-environment", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent")
WITHIN_A_TIME = ("timeout", "--kill-after=1", "30")
NO_IPYKERNEL = 3
FIND_IPYKERNEL = (
    f"from importlib.util import find_spec; raise SystemExit(0 if find_spec('ipykernel') else {NO_IPYKERNEL})"
)


ARGUMENT_SPEC = {
    "kernels": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "spec": {"type": "dict", "required": True},
            "group": {"type": "str", "default": ""},
            "environment": {"type": "bool", "default": False},
            "packaged": {"type": "bool", "default": False},
            "prefix": {"type": "str", "default": ""},
            "logos": {"type": "str", "default": ""},
        },
    },
    "environments": {"type": "path", "required": True},
    "directory": {"type": "path", "default": "/usr/local/share/jupyter/kernels"},
    "prepare_only": {"type": "bool", "default": False},
}


class Host:
    """The host of the kernels. Problems are texts that say what to do."""

    def __init__(self, module):
        self._module = module
        self._directory = KernelDirectory(module.params["directory"])

    def problems(self, kernel):
        """Why something cannot be a kernel here, before anything is built."""
        if self._directory.is_foreign(kernel["name"]):
            yield (
                f"{self._directory.path}/{kernel['name']} is there already and not from this collection: choose "
                "another name, or remove it"
            )
        if kernel["group"] and self.access(kernel) == Access():
            yield f"there is no group {kernel['group']}: make it first, with the people who are to have the kernel"
        if kernel["prefix"]:
            yield from self._problems_of_prefix(kernel)

    def access(self, kernel):
        """Who sees a kernel. Without its group, which a check of the problems reports, everybody."""
        try:
            return Access(grp.getgrnam(kernel["group"]).gr_gid) if kernel["group"] else Access()
        except KeyError:
            return Access()

    def problems_of_program(self, kernel):
        """Why the program of a kernel cannot be started."""
        program = kernel["spec"]["argv"][0]
        if self._module.check_mode and kernel["packaged"] and shutil.which(program) is None:
            return
        if self._try(kernel, "sh", "-c", 'command -v -- "$1"', "sh", program)[0]:
            yield f"accounts without rights cannot start {program}: install it, or open its directories to them"

    def _problems_of_prefix(self, kernel):
        python = os.path.join(kernel["prefix"], "bin/python")
        rc, messages = self._try(kernel, python, "-c", FIND_IPYKERNEL)
        if rc == NO_IPYKERNEL:
            yield (
                f"{kernel['prefix']} holds no ipykernel: run `{python} -m pip install ipykernel`, or `conda install "
                f"--prefix {kernel['prefix']} ipykernel`"
            )
        elif rc:
            yield f"accounts without rights cannot start {python}: {messages.strip() or 'it ended without a message'}"

    def _try(self, kernel, *argv):
        """The status and messages of a command, run as nobody in a kernel's group.

        Somebody else may own the environment, so root runs nothing of it.
        """
        group = self.access(kernel).group
        rc, out, err = self._module.run_command(
            [*AS_NOBODY, f"--regid={NOBODY if group is None else group}", "--", *BARE, *WITHIN_A_TIME, *argv], cwd="/"
        )
        return rc, err or out


def require(module, problems):
    """Fails with all problems, by kernel. In check mode, when an earlier task may have solved them, only warns."""
    messages = [f"{name}: {text}." for name, texts in problems for text in texts]
    if messages and not module.check_mode:
        module.fail_json(msg="\n".join(messages))
    for message in messages:
        module.warn(message)


@dataclass(frozen=True)
class EnvironmentsPlan:
    """The directories of environments to create or close, with who may enter each."""

    places: dict[str, Access]
    parents: tuple[str, str]

    def apply(self):
        for parent in self.parents:
            require_own(parent)
        for place, access in self.places.items():
            kernel_specs.prepare_environment(place, access)

    def report(self):
        return {"changed": bool(self.places), "written": [], "removed": []}


@dataclass(frozen=True)
class KernelsPlan:
    """The kernels to write, each with its files and who sees it, and the names of those to remove."""

    directory: KernelDirectory
    write: dict[str, tuple[dict[str, bytes], Access]]
    remove: list[str]
    none_wanted: bool

    def apply(self):
        for name in self.remove:
            self.directory.remove(name)
        for name, (content, access) in self.write.items():
            self.directory.write(name, content, access)
        if self.remove and self.none_wanted:
            self.directory.remove_if_empty()

    def report(self):
        after = {name: content[kernel_specs.SPEC].decode() for name, (content, _access) in self.write.items()}
        diff = [
            file_diff(f"{self.directory.path}/{name}", self.directory.spec_text(name), after.get(name))
            for name in (*self.write, *self.remove)
        ]
        changed = bool(self.write or self.remove)
        return {"changed": changed, "written": list(self.write), "removed": self.remove, "diff": diff}


def plan_environments(module, host):
    """Refuses what cannot become a kernel, and compares the directories of the environments with the host."""
    kernels, path = module.params["kernels"], module.params["environments"]
    require(module, ((kernel["name"], host.problems(kernel)) for kernel in kernels))
    wanted = {os.path.join(path, kernel["name"]): host.access(kernel) for kernel in kernels if kernel["environment"]}
    places = {place: access for place, access in wanted.items() if kernel_specs.environment_differs(place, access)}
    return EnvironmentsPlan(places, (os.path.dirname(path), module.params["directory"]))


def plan_kernels(module, host):
    """Refuses kernels that do not start, and compares the others with the host."""
    kernels = module.params["kernels"]
    require(module, ((kernel["name"], host.problems_of_program(kernel)) for kernel in kernels))
    directory = KernelDirectory(module.params["directory"])
    wanted = {
        kernel["name"]: (kernel_specs.files(kernel["name"], kernel["spec"], kernel["logos"]), host.access(kernel))
        for kernel in kernels
    }
    write = {name: wanted[name] for name in sorted(wanted) if directory.differs(name, *wanted[name])}
    remove = [name for name in directory.own() if name not in wanted]
    return KernelsPlan(directory, write, remove, none_wanted=not kernels)


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    try:
        make_plan = plan_environments if module.params["prepare_only"] else plan_kernels
        plan = make_plan(module, Host(module))
        result = plan.report()
        if not module.check_mode:
            plan.apply()
        ours, others = kernel_specs.environments(module.params["environments"])
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    needed = {kernel["name"] for kernel in module.params["kernels"] if kernel["environment"]}
    module.exit_json(**result, unneeded=[name for name in ours if name not in needed], others=others)


if __name__ == "__main__":
    main()
