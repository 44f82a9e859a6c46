#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: person_directories
short_description: Make directories for people where those could lead root elsewhere
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Makes missing directories, each for an account. An existing one keeps its owner and mode.
  - Refuses one that its account cannot enter, and names the directory in the way.
  - As far as only root can change the way, root makes the directories, and gives the last one to the account. From the
    first directory on that others can change, such as a home, the account makes them itself, so that a link which a
    person put there leads no further than that person can go.
options:
  directories:
    description: The directories, in any order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      owner:
        description: Name of the account that it is for. In check mode it may be missing still.
        type: str
        required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
requirements:
  - setpriv of util-linux, and coreutils on the target
"""

EXAMPLES = r"""
- name: Make the directory of notebooks
  nbops.jupyter.person_directories:
    directories:
      - {path: /home/ada/notebooks, owner: ada}
      - {path: /srv/notebooks/bob, owner: bob}
"""

RETURN = r"""
made:
  description: Paths that were or would be made.
  returned: success
  type: list
  elements: str
elsewhere:
  description:
    - Where links of people lead out of the home of the account, by the path that was asked for.
  returned: success
  type: dict
  sample: {/home/ada/projects/notebooks: /data/ada/notebooks}
"""

import os
import pwd

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import KILLED, as_account

ARGUMENT_SPEC = {
    "directories": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"path": {"type": "path", "required": True}, "owner": {"type": "str", "required": True}},
    },
}
MODE = 0o750


class Directory:
    """A directory for an account; methods raise ValueError with a sentence, and OSError."""

    def __init__(self, module: AnsibleModule, path: str, account: pwd.struct_passwd) -> None:
        self._module, self._path, self._account = module, path, account

    def is_there(self) -> bool:
        """Whether it is there for the account, who may have put a link in the way."""
        with beneath.last_place(self._path) as found:
            if found.holder is None and (found.rest or found.status() is None):
                return False
        return self._as_account("test", "-d", self._path)[0] == 0

    def make(self) -> None:
        """Makes what is missing of it."""
        while True:
            with beneath.last_place(self._path) as found:
                if found.holder is not None or (not found.rest and found.status() is not None):
                    break
                beneath.make_directory(found)
                if not found.rest:
                    given = os.open(found.name, os.O_RDONLY | os.O_DIRECTORY | beneath.NO_LINK, dir_fd=found.directory)
                    os.fchown(given, self._account.pw_uid, self._account.pw_gid)
                    os.fchmod(given, MODE)
                    os.close(given)
                    return
        code, _out, err = self._as_account("mkdir", "--parents", f"--mode={MODE:o}", "--", self._path)
        if code != 0:
            raise ValueError(f"{self._path}: {self._account.pw_name} cannot make it: {err.strip()}")

    def barrier(self) -> str:
        """The first directory on the way that the account cannot enter, with owner and mode; empty without one."""
        if self._as_account("test", "-x", self._path)[0] == 0:
            return ""
        names = [name for name in self._path.split("/") if name]
        for number in range(len(names)):
            path = "/" + "/".join(names[: number + 1])
            if self._as_account("test", "-d", path, "-a", "!", "-x", path)[0] == 0:
                # The account that asks is the one that could have put a link here.
                _code, out, _err = self._as_account("stat", "--dereference", "--format=%U:%G %04a", "--", path)
                return f"{path} ({out.strip()})"
        return ""

    def require_way(self) -> None:
        """Raises ValueError where the account cannot enter it."""
        barrier = self.barrier()
        if barrier:
            raise ValueError(
                f"{self._path}: {self._account.pw_name} cannot enter {barrier}; open it by `chmod o+x`, or to this "
                "account alone by `setfacl`."
            )

    def elsewhere(self) -> str:
        """The path to which a person's links lead, where that is not in the home; empty otherwise."""
        _code, out, _err = self._as_account("realpath", "--", self._path)
        real, home = out.rstrip("\n"), os.path.realpath(self._account.pw_dir)
        with beneath.last_place(self._path) as found:
            meant = os.path.normpath(os.path.join(found.path, *found.rest))
        return "" if real in ("", meant) or f"{real}/".startswith(f"{home.rstrip('/')}/") else real

    def _as_account(self, *argv: str) -> tuple[int, str, str]:
        command = [*as_account(self._account), *argv]
        code, out, err = self._module.run_command(command, cwd="/")
        if code in KILLED:
            name = self._account.pw_name
            raise ValueError(f"{self._path}: what runs there as {name} does not end; look at `ps -fu {name}`.")
        return code, out, err


def reconcile(module: AnsibleModule, made: list[str], elsewhere: dict[str, str]) -> None:
    """Makes the directories that are missing, or in check mode predicts it. Raises ValueError and OSError.

    Adds to `made` the path of each before it is made, and to `elsewhere` where a person's links lead, by path.
    """
    for entry in module.params["directories"]:
        path = entry["path"]
        try:
            directory = Directory(module, path, pwd.getpwnam(entry["owner"]))
        except KeyError:
            if not module.check_mode:
                raise ValueError(f"{path}: there is no account {entry['owner']}.") from None
            made.append(path)
            continue
        directory.require_way()
        if not directory.is_there():
            made.append(path)
            if module.check_mode:
                continue
            directory.make()
        real = directory.elsewhere()
        if real:
            elsewhere[path] = real


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    made: list[str] = []
    elsewhere: dict[str, str] = {}
    try:
        reconcile(module, made, elsewhere)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error), changed=bool(made) and not module.check_mode)
    for path, real in elsewhere.items():
        module.warn(
            f"{path} leads to {real}, outside of the home: the sandbox may keep the server from writing there; "
            f"write {real} itself where that is meant."
        )
    module.exit_json(
        changed=bool(made),
        made=made,
        elsewhere=elsewhere,
        diff={"prepared": "".join(f"make {path}\n" for path in made)} if made else {},
    )


if __name__ == "__main__":
    main()
