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
description:
  - Gives people accounts, keys and sudo, and sshd a drop-in, in one step, which is validated as a whole before
    anything is changed. C(visudo), C(sshd -t) and C(sshd -T) judge the new files together with the host's whole
    configuration, which they see in a mount namespace of their own.
  - Passwords are given up only where somebody can come in by a key and has sudo afterwards. The account of the
    connection keeps its sudo. Otherwise nothing is changed.
  - What sshd reads first holds, so every value of O(drop_in) is compared with the one in effect, in general, for root
    and for each of O(administrators).
  - sshd is reloaded, never restarted, and the module waits until it listens anew. Open connections go on.
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
        description: What becomes of the account of somebody who is absent. V(keep) locks it, V(remove) removes both.
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
    description: Predicts the change, and validates it where visudo and sshd are installed.
  diff_mode:
    support: partial
    description: Shows the drop-in and the rules for sudo.
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
  description: Names of the accounts that were or would be removed.
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
import pwd
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import host as hub_host
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._files.pending import PendingLoad
from ansible_collections.nbops.jupyter.plugins.module_utils._process import namespaces
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import administrators as ssh_administrators
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import connection as ssh_connection
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import keys as authorized_keys
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd as sshd_host
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sudoers as sudo_file
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.home import MORE_KEYS, Home

SUDO_DIRECTORY = "/etc/sudoers.d"
SUDO_NAME = "nbops-administrators"
SUDO_PATH = f"{SUDO_DIRECTORY}/{SUDO_NAME}"
SUDO_MODE = 0o440
DROP_IN_MODE = 0o644
# Is there from before the drop-in is written until sshd has read it; a reboot reads what is on disk.
PENDING = "/run/nbops-sshd.pending"


class SshAccessError(Exception):
    """A change that is refused or failed; the text says why and what to do."""


class Job:
    """One run: what is, what is to be, and the way there."""

    def __init__(self, module):
        self.module = module
        self.run = module.run_command
        self.present = module.params["state"] == "present"
        self.people = module.params["administrators"] if self.present else []
        self.connected_as = os.environ.get("SUDO_USER", "")
        names = [person["name"] for person in self.people]
        self.host = hub_host.read_host(
            [*names, self.connected_as] if self.connected_as else names,
            [group for person in self.people for group in person["unix_groups"]],
        )
        self.homes = {}  # names to the text of the file of keys, where it is to be changed
        self.forget = []  # files of keys that go, as pairs of name and file
        self.sshd_reloaded = False

    def execute(self):
        problems = ssh_administrators.host_problems(self.people, self.host, home_of, os.path.exists, self.connected_as)
        if problems:
            raise SshAccessError("\n".join(problems))
        self.plan = ssh_administrators.plan(self.people, self.host, os.path.exists)
        self.plan_keys()
        self.before = {path: text(path) for path in (SUDO_PATH, sshd_host.PATH)}
        self.after = {
            SUDO_PATH: self.sudo_text(),
            sshd_host.PATH: self.module.params["drop_in"] if self.present else "",
        }
        self.modes = {SUDO_PATH: SUDO_MODE, sshd_host.PATH: DROP_IN_MODE}
        self.changed_files = [path for path in self.after if self.write([path], self.after, check_mode=True)]
        self.unloaded = sshd_host.PATH in self.changed_files or PendingLoad(PENDING).exists()
        self.validate()
        if not self.module.check_mode:
            self.apply()

    # What is to be

    def plan_keys(self):
        for person in self.people:
            name, account = person["name"], self.host.accounts.get(person["name"])
            with prefix_errors(name):
                if person["state"] == "absent":
                    if account and name not in self.plan.remove and os.path.isdir(account.home):
                        home = Home(account.home, account.uid, account.gid)
                        self.forget += [(name, file) for file in ("authorized_keys", MORE_KEYS) if home.has(file)]
                    continue
                if name in self.plan.homes:
                    before, right, more = "", False, False
                else:
                    home = Home(account.home, account.uid, account.gid)
                    before = home.read() or ""
                    right = home.is_right() if home.has("authorized_keys") else not person["authorized_keys"]
                    more = home.has(MORE_KEYS)
            after = authorized_keys.merged(before, person["authorized_keys"], person["exclusive_keys"])
            if after != before or (not right and after):
                self.homes[name] = after
            if more and person["exclusive_keys"]:
                self.forget.append((name, MORE_KEYS))

    def sudo_text(self):
        before = text(SUDO_PATH)
        if before and sudo_file.MARK not in before:
            raise SshAccessError(f"{SUDO_PATH} is somebody else's: it lacks the text '{sudo_file.MARK}'. Rename it.")
        if not self.present:
            return ""
        lines = {}
        for person in self.people:
            sudo = person["sudo"] if person["state"] == "present" else "none"
            lines[person["name"]] = sudo_file.line(person["name"], sudo, person["sudo_commands"])
        return sudo_file.changed(before, lines)

    # What speaks against it

    def validate(self):
        sudo = self.module.get_bin_path("visudo", opt_dirs=["/usr/sbin"], required=not self.module.check_mode)
        sshd = self.module.get_bin_path("sshd", opt_dirs=["/usr/sbin"], required=not self.module.check_mode)
        self.sshd = sshd_host.Sshd(self.run, sshd) if sshd else None
        with tempfile.TemporaryDirectory() as stage:
            self.stage = {
                directory: self.staged(stage, directory)
                for directory in (SUDO_DIRECTORY, sshd_host.DIRECTORY)
                if os.path.isdir(directory)
            }
            if sudo and SUDO_PATH in self.changed_files:
                self.validate_sudo(sudo)
            # The drop-in of another one may have come since: sshd is asked in each run.
            if self.sshd:
                self.validate_sshd()

    def staged(self, stage, directory):
        place = os.path.join(stage, os.path.basename(directory))
        shutil.copytree(directory, place, symlinks=True)
        for path in (path for path in self.after if os.path.dirname(path) == directory):
            files = ManagedFiles(check_mode=False)
            keep(files, os.path.join(place, os.path.basename(path)), self.after[path], self.modes[path])
        return place

    def validate_sudo(self, visudo):
        rc, out, err = self.run(namespaces.command(self.stage, [visudo, "-c"]))
        if rc != 0:
            raise SshAccessError(f"visudo refuses the rules for sudo:\n{(err or out).strip()}")
        if self.after[SUDO_PATH] and SUDO_PATH not in out:
            raise SshAccessError(
                f"/etc/sudoers does not read {SUDO_DIRECTORY}: add the line '@includedir {SUDO_DIRECTORY}' to it."
            )
        name = self.connected_as
        if sudo_file.names(self.before[SUDO_PATH]).intersection([name]) and self.sudo_of(name) == "none":
            raise SshAccessError(
                f"{name}: is the account of this connection, and would lose its sudo. List it in "
                "ssh_access_administrators with sudo, or connect as another one."
            )

    def sudo_of(self, name):
        """How an account of the host may do everything, after the change."""
        out = self.run(namespaces.command(self.stage, ["sudo", "-n", "-l", "-U", name]))[1]
        return sudo_file.everything(out)

    def validate_sshd(self):
        try:
            effective = self.sshd.effective(self.stage)
            if not self.present:
                return
            if sshd_host.DIRECTORY not in self.stage or not sshd_host.is_included():
                raise SshAccessError(
                    f"{sshd_host.MAIN} does not read {sshd_host.DIRECTORY}: make its first line "
                    f"'Include {sshd_host.DIRECTORY}/*.conf'."
                )
            self.require_effect("", effective)
            for name in ["root", *(person["name"] for person in self.people if person["state"] == "present")]:
                if name in self.host.accounts:
                    self.require_effect(name, self.effective_for(name))
        except sshd_host.SshdError as error:
            raise SshAccessError(f"sshd refuses the configuration:\n{error}") from None
        if "yes" not in effective["passwordauthentication"] + effective.get("kbdinteractiveauthentication", ()):
            self.require_way_in(effective)

    def effective_for(self, name):
        connection = ssh_connection.current()
        return self.sshd.effective(self.stage, name, connection.client if connection else "")

    def require_effect(self, name, effective):
        drop_in = self.after[sshd_host.PATH]
        ours = self.sshd.alone(os.path.join(self.stage[sshd_host.DIRECTORY], sshd_host.NAME))
        for keyword in sshd_host.differences(ours, drop_in, effective):
            places = ", ".join(sshd_host.origins(keyword)) or "a file that is read before"
            value, scope = "; ".join(effective.get(keyword, ("unset",))), f" for {name}" if name else ""
            raise SshAccessError(
                f"{keyword} would be '{value}'{scope} and not '{'; '.join(ours[keyword])}': an earlier setting or one "
                f"for a Match wins. Look at {places}: take it out there, or say the same in the role's variables."
            )

    def require_way_in(self, effective):
        """Refuse to give up passwords where nobody with sudo could come in by a key."""
        if any(self.may_come(person, effective) for person in self.people):
            return
        absent = {person["name"] for person in self.people if person["state"] == "absent"}
        for entry in pwd.getpwall():
            usable = entry.pw_uid == 0 or ssh_administrators.FIRST_UID <= entry.pw_uid < ssh_administrators.NOBODY
            if usable and entry.pw_name not in absent and self.comes_already(entry):
                return
        raise SshAccessError(
            "Without passwords nobody could come in any more: there is no account with a key and with sudo for "
            "everything. Write an entry in ssh_access_administrators with authorized_keys and sudo: nopasswd, or leave "
            "`ssh_access_password_login: true`."
        )

    def may_come(self, person, effective):
        """Whether somebody of the list comes in by a key and has sudo, after the change."""
        if person["state"] == "absent" or person["sudo"] == "none" or not person["authorized_keys"]:
            return False
        if sudo_file.EVERYTHING not in person["sudo_commands"]:
            return False
        if person["name"] in self.host.accounts:
            effective = self.effective_for(person["name"])
        if "/.ssh/authorized_keys" not in "".join(sshd_host.key_files(effective, person["name"], "/")):
            return False
        return sshd_host.admits(
            effective, person["name"], {person["name"], *person["unix_groups"], *self.groups(person["name"])}
        )

    def comes_already(self, entry):
        """Whether an account of the host comes in by a key and has sudo."""
        if os.path.basename(entry.pw_shell) in ("nologin", "false", "sync"):
            return False
        effective = self.effective_for(entry.pw_name)
        if not sshd_host.admits(effective, entry.pw_name, self.groups(entry.pw_name)):
            return False
        if not any(holds_key(path) for path in sshd_host.key_files(effective, entry.pw_name, entry.pw_dir)):
            return False
        if entry.pw_uid == 0:
            return True
        sudo, account = self.sudo_of(entry.pw_name), self.host.accounts[entry.pw_name]
        return sudo == "nopasswd" or (sudo == "password" and ssh_administrators.has_password(account))

    def groups(self, name):
        account = self.host.accounts.get(name)
        own = {group.name for group in self.host.groups.values() if account and group.gid == account.gid}
        return own | self.host.groups_of().get(name, set())

    # The way there

    def apply(self):
        changes = hub_host.HostChanges(self.run, ssh_administrators.KIND, "")
        changes.establish(self.plan, self.host)
        accounts = hub_host.read_host([person["name"] for person in self.people], []).accounts
        for name, keys in self.homes.items():
            account = accounts[name]
            with prefix_errors(name):
                Home(account.home, account.uid, account.gid).write(keys)
        for name, file in self.forget:
            account = accounts[name]
            with prefix_errors(name):
                Home(account.home, account.uid, account.gid).remove(file)
        self.write([SUDO_PATH], self.after)
        if self.unloaded:
            self.load()
        for name in self.plan.lock:
            changes.lock(self.host.accounts[name])
        for name in self.plan.remove:
            changes.remove(self.host.accounts[name], "")

    def load(self):
        try:
            with PendingLoad(PENDING).transaction(self.restore_drop_in):
                self.write([sshd_host.PATH], self.after)
                self.sshd_reloaded = self.sshd.reload()
        except sshd_host.SshdError as error:
            raise SshAccessError(
                f"sshd does not load its configuration, and the drop-in is as it was: {error}"
            ) from None

    def restore_drop_in(self):
        self.write([sshd_host.PATH], self.before)
        with contextlib.suppress(sshd_host.SshdError):
            self.sshd.reload()
        self.sshd.restart()

    def write(self, paths, texts, check_mode=False):
        files = ManagedFiles(check_mode)
        for path in paths:
            keep(files, path, texts[path], self.modes[path])
        return files.changed

    def results(self):
        return {
            "changed": bool(
                self.plan.created()
                or self.plan.changed()
                or self.plan.remove
                or self.homes
                or self.forget
                or self.changed_files
                or self.unloaded
            ),
            "created": self.plan.created(),
            "locked": self.plan.lock,
            "removed": list(self.plan.remove),
            "changed_keys": sorted({*self.homes, *(name for name, _file in self.forget)}),
            "changed_files": self.changed_files,
            "reloaded": self.sshd_reloaded,
            "diff": [
                {
                    "before_header": path,
                    "after_header": path,
                    "before": self.before[path],
                    "after": self.after[path],
                }
                for path in self.changed_files
            ],
        }


@contextlib.contextmanager
def prefix_errors(name):
    """Puts the name of a person before the errors of their files."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise SshAccessError(f"{name}: {error}") from None


def keep(files, path, content, mode):
    """Make a file of ours have a text; an empty one is for no file."""
    if content:
        files.write(path, content, mode)
    else:
        files.remove(path)


def home_of(name):
    """Where a new account has its home."""
    return os.path.join(hub_host.useradd_default("HOME", "/home"), name)


def text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def holds_key(path):
    """Whether a file of keys of an account that is not listed lets anybody in."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        return os.path.isfile(path) and bool(authorized_keys.keys(file.read(1 << 20)))


def main():
    module = AnsibleModule(
        argument_spec={
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
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    try:
        job = Job(module)
        job.execute()
    except (SshAccessError, OSError, hub_host.HostError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**job.results())


if __name__ == "__main__":
    main()
