#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ssh_access
short_description: Administrators of a host, and how sshd lets them in
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Gives people accounts, keys and sudo, and sshd a drop-in, in one step, which is validated as a whole before
    anything is changed. C(visudo), C(sshd -t) and C(sshd -T) judge the new files together with the host's whole
    configuration, which they see in a mount namespace of their own.
  - Passwords are given up only where somebody can come in by a key and has sudo afterwards. The account of the
    connection keeps its sudo. Otherwise nothing is changed.
  - What sshd reads first holds, so every value of O(drop_in) is compared with the one in effect, in general, for root
    and for each of O(administrators).
  - sshd is reloaded, and the module waits until it listens anew. Where systemd listens for it (C(ssh.socket), as on
    Ubuntu), sshd would not survive that and is restarted, while systemd keeps the address. Open connections go on.
  - M(ansible.posix.authorized_key), M(ansible.builtin.user) and M(community.general.sudoers) change one account each,
    so that none can refuse a set of changes after which nobody, or not the account of the connection, has access.
  - Files in homes are written without following links, so that the owner of an account cannot lead root elsewhere.
options:
  state:
    description: V(absent) takes away the drop-in and the rules for sudo. Accounts and keys stay.
    type: str
    choices: [present, absent]
    default: present
  administrators:
    description: The people. Who is no longer listed stays.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the account.
        type: str
        required: true
      state:
        description: V(absent) takes away keys and sudo, and treats the account as O(administrators[].home) says.
        type: str
        choices: [present, absent]
        default: present
      authorized_keys:
        description: Public keys, each the line of a file that ends in C(.pub), with options before it if need be.
        type: list
        elements: str
        default: []
      exclusive_keys:
        description: Whether keys that are not listed are taken away.
        type: bool
        default: true
      sudo:
        description: Whether sudo asks for the account's password, asks for nothing, or is not for this account.
        type: str
        choices: [password, nopasswd, none]
        default: nopasswd
      sudo_commands:
        description: What sudo permits, in the words of C(sudoers).
        type: list
        elements: str
        required: true
      password_hash:
        description: Hash of the password, in the form of crypt(5). An empty text leaves it as it is.
        type: str
        default: ""
      unix_groups:
        description: Groups of the host that the account is to be in, too.
        type: list
        elements: str
        default: []
      home:
        description:
          - What becomes of the account of somebody who is absent. V(keep) locks it, V(remove) removes its home, mail,
            crontab and jobs of C(at) too.
          - The account stays, so that nobody else gets its uid, and with it the files that it has elsewhere.
            C(userdel NAME) removes it.
        type: str
        choices: [keep, remove]
        default: keep
  drop_in:
    description: Text of C(/etc/ssh/sshd_config.d/00-nbops.conf).
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    details: The change is validated where visudo and sshd are installed.
  diff_mode:
    support: partial
    details: Shows the drop-in and the rules for sudo.
requirements:
  - sudo, the OpenSSH server and systemd on the target
  - C(CAP_SYS_ADMIN) for the mount namespace, which root has on every machine and a container has to be given
"""

EXAMPLES = r"""
- name: Let Ada in by her key
  nbops.jupyter.ssh_access:
    administrators:
      - name: ada
        authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOa0ySrhcJVHrS2pZX0vcTzJW0EpYQ2wQbYq0Qp1Zt4L ada@laptop"]
        sudo_commands: [ALL]
    drop_in: |
      PasswordAuthentication no
      KbdInteractiveAuthentication no
"""

RETURN = r"""
created:
  description: Names of the accounts that were or would be made.
  returned: success
  type: list
  elements: str
  sample: [ada]
locked:
  description: Names of the accounts that were or would be locked.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Names of the accounts whose homes were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
changed_keys:
  description: Names of the people whose files of keys were or would be changed.
  returned: success
  type: list
  elements: str
  sample: [ada]
changed_files:
  description: Paths of the drop-in and the rules for sudo, where they were or would be changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/ssh/sshd_config.d/00-nbops.conf]
reloaded:
  description: Whether a running sshd read its configuration anew.
  returned: success
  type: bool
  sample: true
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host as hub_host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import AccountPlan, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._files.diff import file_diff
from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import HOST, alone
from ansible_collections.nbops.jupyter.plugins.module_utils._files.pending import PendingLoad
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import administrators, sudoers, system_files
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import connection as ssh_connection
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd as sshd_host
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.key_files import KeyPlan, apply_keys, plan_keys
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import Sshd, SshdError
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.stage import Stage, staged
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.validation import require_drop_in, require_sudo
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.way_in import require_way_in, takes_passwords

# Is there from before the drop-in is written until sshd has read it; a reboot reads what is on disk.
PENDING = "/run/nbops-sshd.pending"

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "administrators": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "authorized_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "exclusive_keys": {"type": "bool", "default": True, "no_log": False},
            "sudo": {"type": "str", "choices": ["password", "nopasswd", "none"], "default": "nopasswd"},
            "sudo_commands": {"type": "list", "elements": "str", "required": True},
            "password_hash": {"type": "str", "default": "", "no_log": True},
            "unix_groups": {"type": "list", "elements": "str", "default": []},
            "home": {"type": "str", "choices": ["keep", "remove"], "default": "keep"},
        },
    },
    "drop_in": {"type": "str", "default": ""},
}


@dataclass(frozen=True)
class Wanted:
    """What is to be, and the account of the connection, empty where it is not known."""

    is_present: bool
    people: list[dict]
    drop_in: str | None
    connected_as: str


@dataclass(frozen=True)
class Plan:
    """What changes of accounts and files of keys, and the texts of both system files by path, None for no file."""

    accounts: AccountPlan
    keys: KeyPlan
    before: dict[str, str | None]
    after: dict[str, str | None]
    changed_files: list[str]
    is_unloaded: bool  # whether sshd has to load the drop-in, also because an earlier run was interrupted

    def is_change(self) -> bool:
        accounts = self.accounts.created() or self.accounts.changed() or self.accounts.remove
        return bool(accounts or self.keys.changed() or self.changed_files or self.is_unloaded)


def read_parameters(params: dict) -> Wanted:
    """From the module's parameters."""
    is_present = params["state"] == "present"
    return Wanted(
        is_present=is_present,
        people=params["administrators"] if is_present else [],
        drop_in=(params["drop_in"] or None) if is_present else None,
        connected_as=os.environ.get("SUDO_USER", ""),
    )


def read_host(wanted: Wanted) -> Host:
    """The accounts and groups of the host, with those that are named and known elsewhere. Raises OSError."""
    names = [person["name"] for person in wanted.people]
    groups = [group for person in wanted.people for group in person["unix_groups"]]
    return hub_host.read_host([*names, wanted.connected_as] if wanted.connected_as else names, groups)


def home_of(name: str) -> str:
    """Where a new account has its home."""
    return os.path.join(hub_host.useradd_default("HOME", "/home"), name)


def make_plan(wanted: Wanted, host: Host) -> Plan:
    """Compares what is wanted with the host. Raises ValueError where the host speaks against it, and OSError."""
    problems = administrators.host_problems(wanted.people, host, home_of, os.path.exists, wanted.connected_as)
    if problems:
        raise ValueError("\n".join(problems))
    accounts = administrators.plan(wanted.people, host, os.path.exists)
    keys = plan_keys(wanted.people, host.accounts, accounts)
    before = system_files.read()
    rules = sudoers.rules(before[sudoers.PATH], wanted.people)
    after = {sudoers.PATH: rules if wanted.is_present else None, sshd_host.PATH: wanted.drop_in}
    changed_files = system_files.write(after, check_mode=True)
    is_unloaded = sshd_host.PATH in changed_files or PendingLoad(PENDING).exists()
    return Plan(accounts, keys, before, after, changed_files, is_unloaded)


def validate(plan: Plan, wanted: Wanted, host: Host, stage: Stage) -> None:
    """Has the programs that are installed judge the new files. Raises ValueError where one refuses them."""
    if stage.visudo and sudoers.PATH in plan.changed_files:
        require_sudo(stage, plan.before[sudoers.PATH], plan.after[sudoers.PATH], wanted.connected_as)
    # The drop-in of another one may have come since: sshd is asked in each run.
    if stage.sshd:
        try:
            validate_sshd(stage, wanted, host)
        except SshdError as error:
            raise ValueError(f"sshd refuses the configuration:\n{error}") from None


def validate_sshd(stage: Stage, wanted: Wanted, host: Host) -> None:
    """Requires that the drop-in holds, and that somebody comes in. Raises ValueError and SshdError."""
    effective = stage.effective()
    if not wanted.is_present:
        return
    names = ["root", *(person["name"] for person in wanted.people if person["state"] == "present")]
    require_drop_in(stage, wanted.drop_in, effective, [name for name in names if name in host.accounts])
    if not takes_passwords(effective):
        require_way_in(stage, effective, wanted.people, host)


def apply(plan: Plan, wanted: Wanted, host: Host, run: Callable, sshd: Sshd) -> bool:
    """Makes the change; returns whether a running sshd read its configuration anew.

    Whoever leaves is locked last, when everybody else has access. Raises HostError, ValueError and OSError.
    """
    changes = hub_host.HostChanges(run, administrators.KIND)
    changes.establish(plan.accounts, host)
    apply_keys(plan.keys, hub_host.read_host([person["name"] for person in wanted.people], []).accounts)
    system_files.write({sudoers.PATH: plan.after[sudoers.PATH]})
    reloaded = load(plan, sshd) if plan.is_unloaded else False
    for name in plan.accounts.lock:
        changes.lock(host.accounts[name])
    for name in plan.accounts.remove:
        changes.clear(host.accounts[name], "")
    return reloaded


def load(plan: Plan, sshd: Sshd) -> bool:
    """Writes the drop-in and has sshd load it; returns whether it runs. If it fails, the drop-in is as it was."""
    path = sshd_host.PATH

    def undo() -> None:
        system_files.write({path: plan.before[path]})
        # The failure that led here is the one to tell.
        with contextlib.suppress(SshdError):
            sshd.reload()
        sshd.restart()

    try:
        with PendingLoad(PENDING).transaction(undo):
            system_files.write({path: plan.after[path]})
            return sshd.reload()
    except SshdError as error:
        raise ValueError(f"sshd does not load its configuration, and the drop-in is as it was: {error}") from None


def run(module: AnsibleModule) -> dict:
    """Changes the host, or in check mode predicts it, and returns the module's result."""
    wanted = read_parameters(module.params)
    host = read_host(wanted)
    plan = make_plan(wanted, host)
    # In check mode, the packages that bring the programs may not be installed yet.
    visudo, program = (
        module.get_bin_path(name, opt_dirs=["/usr/sbin"], required=not module.check_mode) for name in ("visudo", "sshd")
    )
    sshd = Sshd(module.run_command, program) if program else None
    connection = ssh_connection.current()
    with staged(plan.after) as copies:
        stage = Stage(module.run_command, copies, visudo, sshd, connection.client if connection else "")
        validate(plan, wanted, host, stage)
    reloaded = False if module.check_mode else apply(plan, wanted, host, module.run_command, sshd)
    return {
        "changed": plan.is_change(),
        "created": plan.accounts.created(),
        "locked": plan.accounts.lock,
        "removed": list(plan.accounts.remove),
        "changed_keys": plan.keys.changed(),
        "changed_files": plan.changed_files,
        "reloaded": reloaded,
        "diff": [file_diff(path, plan.before[path], plan.after[path]) for path in plan.changed_files],
    }


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    try:
        with contextlib.nullcontext() if module.check_mode else alone(HOST):
            result = run(module)
    except (hub_host.HostError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
