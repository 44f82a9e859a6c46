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
description:
  - Writes a C(kernel.json) for each kernel where every Jupyter server of the host finds it, and removes those that it
    wrote before and that are no longer asked for. Kernels of others are neither replaced nor removed.
  - A kernel may be for the members of one Unix group. Others neither see nor start it, nor enter its environment.
  - Before a kernel is written, its program has to be one that an account without rights can start.
  - Called with O(only_prepare) first, it refuses what cannot become a kernel before anything is built, and makes the
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
  only_prepare:
    description: Whether to write no kernel yet.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Predicts the change. What an earlier task may not have made yet is a warning and no error.
  diff_mode:
    support: full
    description: Shows each C(kernel.json) as it was and as it will be.
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import require_own
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import kernel_specs
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter.kernel_specs import Access, KernelDirectory

NOBODY = "65534"
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", "--clear-groups", "--no-new-privs")
BARE = ("env", "--ignore-environment", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent")
WITHIN_A_TIME = ("timeout", "--kill-after=1", "30")
NO_IPYKERNEL = 3
FIND_IPYKERNEL = (
    f"from importlib.util import find_spec; raise SystemExit(0 if find_spec('ipykernel') else {NO_IPYKERNEL})"
)


class Host:
    """What the host is asked about kernels."""

    def __init__(self, module):
        self._module = module
        self._directory = KernelDirectory(module.params["directory"])

    def complaints(self, kernel):
        """Why something cannot be a kernel here, before anything is built, and what is to be done about it."""
        if self._directory.is_foreign(kernel["name"]):
            yield (
                f"{self._directory.path}/{kernel['name']} is there already and not from this collection: choose "
                "another name, or remove it"
            )
        if kernel["group"] and self.access(kernel) == Access():
            yield f"there is no group {kernel['group']}: make it first, with the people who are to have the kernel"
        if kernel["prefix"]:
            yield from self._complaints_about_prefix(kernel)

    def access(self, kernel):
        """Who sees a kernel. A group that does not exist is nobody's yet."""
        try:
            return Access(grp.getgrnam(kernel["group"]).gr_gid) if kernel["group"] else Access()
        except KeyError:
            return Access()

    def complaints_about_program(self, kernel):
        """Whether the program of a kernel cannot be started, and what is to be done about it."""
        program = kernel["spec"]["argv"][0]
        if self._try(kernel, "sh", "-c", 'command -v -- "$1"', "sh", program)[0]:
            yield f"accounts without rights cannot start {program}: install it, or open its directories to them"

    def _complaints_about_prefix(self, kernel):
        python = os.path.join(kernel["prefix"], "bin/python")
        rc, messages = self._try(kernel, python, "-c", FIND_IPYKERNEL)
        if rc == NO_IPYKERNEL:
            yield (
                f"{kernel['prefix']} holds no ipykernel: run `{python} -m pip install ipykernel`, or `conda install "
                f"--prefix {kernel['prefix']} ipykernel`"
            )
        elif rc:
            yield f"accounts without rights cannot start {python}: {messages.strip() or 'it ended without a word'}"

    def _try(self, kernel, *argv):
        """The status and messages of a command, run as nobody in a kernel's group.

        The environment may be in other people's hands: root runs nothing of it.
        """
        group = self.access(kernel).group
        rc, out, err = self._module.run_command(
            [*AS_NOBODY, f"--regid={NOBODY if group is None else group}", "--", *BARE, *WITHIN_A_TIME, *argv], cwd="/"
        )
        return rc, err or out


def require(module, complaints):
    """Fails with all complaints, by kernel; in check mode an earlier task may have been about to see to them."""
    said = [f"{name}: {text}." for name, texts in complaints for text in texts]
    if said and not module.check_mode:
        module.fail_json(msg="\n".join(said))
    for text in said:
        module.warn(text)


def prepare(module, host):
    """Refuses what cannot become a kernel, makes the directories of the environments and returns the result."""
    kernels, path = module.params["kernels"], module.params["environments"]
    require(module, ((kernel["name"], host.complaints(kernel)) for kernel in kernels))
    wanted = {os.path.join(path, kernel["name"]): host.access(kernel) for kernel in kernels if kernel["environment"]}
    differing = [place for place, access in wanted.items() if kernel_specs.environment_differs(place, access)]
    if not module.check_mode:
        require_own(os.path.dirname(path))
        require_own(module.params["directory"])
        for place in differing:
            kernel_specs.prepare_environment(place, wanted[place])
    return {"changed": bool(differing), "written": [], "removed": []}


def keep(module, host):
    """Writes and removes kernels and returns the result."""
    kernels = module.params["kernels"]
    require(module, ((kernel["name"], host.complaints_about_program(kernel)) for kernel in kernels))
    directory = KernelDirectory(module.params["directory"])
    contents = {k["name"]: kernel_specs.files(k["name"], k["spec"], k["logos"]) for k in kernels}
    accesses = {kernel["name"]: host.access(kernel) for kernel in kernels}
    written = sorted(name for name in contents if directory.differs(name, contents[name], accesses[name]))
    removed = [name for name in directory.own() if name not in contents]
    diff = [
        {
            "before_header": f"{directory.path}/{name}",
            "after_header": f"{directory.path}/{name}",
            "before": directory.spec_text(name),
            "after": contents[name][kernel_specs.SPEC].decode() if name in contents else "",
        }
        for name in (*written, *removed)
    ]
    if not module.check_mode:
        for name in removed:
            directory.remove(name)
        for name in written:
            directory.write(name, contents[name], accesses[name])
        if removed and not kernels:
            directory.remove_if_empty()
    return {"changed": bool(written or removed), "written": written, "removed": removed, "diff": diff}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kernels": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "spec": {"type": "dict", "required": True},
                    "group": {"type": "str", "default": ""},
                    "environment": {"type": "bool", "default": False},
                    "prefix": {"type": "str", "default": ""},
                    "logos": {"type": "str", "default": ""},
                },
            },
            "environments": {"type": "path", "required": True},
            "directory": {"type": "path", "default": "/usr/local/share/jupyter/kernels"},
            "only_prepare": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    try:
        result = (prepare if module.params["only_prepare"] else keep)(module, Host(module))
        ours, others = kernel_specs.environments(module.params["environments"])
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    needed = {kernel["name"] for kernel in module.params["kernels"] if kernel["environment"]}
    module.exit_json(**result, unneeded=[name for name in ours if name not in needed], others=others)


if __name__ == "__main__":
    main()
