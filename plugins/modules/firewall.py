#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Close all ports of a host but some, and revert if the controller does not reconnect
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Lets in what O(open) lists, and SSH on the port of this connection and on those that sshd listens on. Open
    connections go on. Everything is one table of nftables, which is replaced in one transaction; other tables are never
    touched.
  - Where ufw is active, the ports are rules of ufw in place of the table, with a comment by which they are known.
  - A change is pending at first. A timer on the host reverts it after O(confirm_seconds), unless the module is run
    once more with O(state=confirmed), over a new connection.
  - Before anything changes, the kernel validates the new table in a network namespace of its own.
  - M(ansible.posix.firewalld) and M(community.general.ufw) change one rule a task, so that neither can refuse a set of
    rules that closes SSH for this connection, replace the whole set at once, or revert it.
options:
  state:
    description:
      - V(present) changes what is open; the change is pending until it is confirmed.
      - V(confirmed) keeps the pending change, and writes O(path), from which it is loaded at boot.
      - V(absent) takes away the table, the rules of ufw and O(path). Where ufw is active, that is pending, too.
    type: str
    choices: [present, confirmed, absent]
    default: present
  open:
    description: Ports that others may reach.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: The port.
        type: int
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      sources:
        description: Addresses and networks that may reach it. By default everybody may.
        type: list
        elements: str
        default: []
  ssh_sources:
    description: Addresses and networks that may reach SSH, this connection's among them. By default everybody may.
    type: list
    elements: str
    default: []
  interfaces:
    description: Network interfaces on which everything is let in, C(*) at the end stands for anything. Not for ufw.
    type: list
    elements: str
    default: []
  confirm_seconds:
    description: How long a change waits to be confirmed.
    type: int
    default: 60
  path:
    description: File of the table.
    type: path
    default: /etc/nbops-firewall.nft
attributes:
  check_mode:
    support: full
    description: Predicts the change. Without nftables on the host the table is not validated.
  diff_mode:
    support: full
    description: Shows the file, or the rules of ufw.
requirements:
  - nftables or an active ufw, and systemd on the target
  - C(CAP_NET_ADMIN) and C(CAP_SYS_ADMIN), which root has on every machine and a container has to be given
"""

EXAMPLES = r"""
- name: Let web traffic in until the change is confirmed or reverted
  nbops.jupyter.firewall:
    open: [{port: 80}, {port: 443}, {port: 9100, sources: [192.0.2.10]}]

- name: Drop the connection
  ansible.builtin.meta: reset_connection

- name: Confirm the change over a new connection
  nbops.jupyter.firewall:
    state: confirmed
"""

RETURN = r"""
backend:
  description: Who filters, C(nftables) or C(ufw).
  returned: success
  type: str
  sample: nftables
pending:
  description: Whether a change waits to be confirmed.
  returned: success
  type: bool
  sample: true
ssh_ports:
  description: Ports that are open for SSH.
  returned: when O(state=present)
  type: list
  elements: int
  sample: [22]
"""

import os
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall import rules as firewall_rules
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.backends import (
    TABLE_BEFORE,
    UFW_BEFORE,
    FirewallError,
    PendingChange,
    Table,
    Ufw,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._process import namespaces
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import connection as ssh_connection

MODE = 0o644
SSHD_DIRECTORY = "/run/sshd"


class Firewall:
    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.check_mode = module.check_mode
        self.run = module.run_command
        self.table = Table(self.run) if module.get_bin_path("nft", opt_dirs=["/usr/sbin"]) else None
        self.ufw = Ufw(self.run) if module.get_bin_path("ufw", opt_dirs=["/usr/sbin"]) else None
        self.pending_change = PendingChange(self.run)
        self.backend = "ufw" if self.ufw and self.ufw.is_active() else "nftables"

    # state: present

    def present(self):
        connection = ssh_connection.current()
        sources = self.params["ssh_sources"]
        if connection and not firewall_rules.admits(sources, connection.client):
            raise FirewallError(
                f"firewall_ssh_sources does not hold {connection.client}, from which this connection comes; add it."
            )
        if self.run(["systemctl", "is-active", "firewalld.service"])[1].strip() == "active":
            raise FirewallError("firewalld filters on this host; open the ports there, or stop and disable it first.")
        ports = self.ssh_ports(connection)
        entries = [*self.params["open"], *({"port": port, "protocol": "tcp", "sources": sources} for port in ports)]
        wanted = firewall_rules.openings(entries)
        interrupted = self.pending_change.is_pending()
        if interrupted and not self.check_mode:
            self.pending_change.revert()
        change = self.change_ufw if self.backend == "ufw" else self.change_table
        changed, diff = change(wanted)
        return {
            "changed": changed or interrupted,
            "pending": changed and not self.check_mode,
            "ssh_ports": ports,
            "diff": diff,
        }

    def ssh_ports(self, connection):
        """Where this connection came in, and where sshd and its socket listen."""
        ports = {connection.server_port} if connection else set()
        sshd = self.module.get_bin_path("sshd", opt_dirs=["/usr/sbin"])
        if sshd:
            settings = self.sshd_settings(sshd)
            ports.update(map(int, re.findall(r"^(?:port |listenaddress \S+:)(\d+)$", settings, re.MULTILINE)))
        if self.run(["systemctl", "is-active", "ssh.socket"])[1].strip() == "active":
            listening = self.run(["systemctl", "show", "--property=Listen", "ssh.socket"])[1]
            ports.update(map(int, re.findall(r":(\d+) \(Stream\)", listening)))
        return sorted(ports)

    def sshd_settings(self, sshd):
        """What `sshd -T` prints. It needs a directory that a host without a running sshd lacks, and gets one apart."""
        if os.path.isdir(SSHD_DIRECTORY):
            return self.run([sshd, "-T"])[1]
        with tempfile.TemporaryDirectory() as runtime:
            os.mkdir(os.path.join(runtime, os.path.basename(SSHD_DIRECTORY)), 0o755)
            return self.run(namespaces.command({os.path.dirname(SSHD_DIRECTORY): runtime}, [sshd, "-T"]))[1]

    # The present state, to which a real run first reverts a change that is pending

    def live_table(self):
        saved = self.pending_change.saved(TABLE_BEFORE)
        return self.table.live() if saved is None else saved.removeprefix(firewall_rules.removal())

    def ufw_openings(self):
        saved = self.pending_change.saved(UFW_BEFORE)
        return firewall_rules.ufw_openings(self.ufw.added() if saved is None else saved)

    def change_table(self, wanted):
        text = firewall_rules.ruleset(wanted, self.params["interfaces"])
        before = self.text()
        same = before == text
        if self.table:
            # The table in the kernel may have been changed or flushed since.
            same = same and self.live_table() == self.table.as_loaded(text)
        elif not self.check_mode:
            raise FirewallError("nftables is not installed.")
        if not same and not self.check_mode:
            self.table.as_loaded(text)
            self.pending_change.begin(self.table.save, self.table.restoring, self.params["confirm_seconds"])
            draft = os.path.join(PendingChange.DIRECTORY, "wanted.nft")
            ManagedFiles(check_mode=False).write(draft, text, MODE)
            self.table.load(draft)
        # Rules from a time when ufw was active.
        left, _diff = self.remove_from_ufw()
        return left or not same, self.diff(before, text) if before != text else []

    def change_ufw(self, wanted):
        ours, theirs = self.ufw_openings()
        add = sorted(set(wanted) - {*ours, *theirs})
        delete = sorted(set(ours) - set(wanted))
        if (add or delete) and not self.check_mode:
            self.pending_change.begin(self.ufw.save, self.ufw.restoring, self.params["confirm_seconds"])
            self.ufw.change(add, delete)
        # A table of ours would close what ufw opens.
        left = self.remove_table()
        return bool(add or delete or left), self.diff(lines(ours), lines(set(ours) - set(delete) | set(add)), "ufw")

    # state: confirmed

    def confirmed(self):
        if not self.pending_change.is_pending() or self.check_mode:
            return {"changed": False, "pending": False}
        if not self.pending_change.end():
            self.pending_change.forget()
            raise FirewallError(
                "No new connection came in time to confirm the change, so the host took it back, and is as it was "
                "before. Look at firewall_ssh_sources, and at what lies between the controller and the host."
            )
        draft = os.path.join(PendingChange.DIRECTORY, "wanted.nft")
        changed = False
        if os.path.exists(draft):
            with open(draft, encoding="utf-8") as file:
                changed = self.keep(file.read())
        self.pending_change.forget()
        return {"changed": changed, "pending": False}

    # state: absent

    def absent(self):
        pending = self.pending_change.is_pending()
        if pending and not self.check_mode:
            self.pending_change.revert()
        left, diff = self.remove_from_ufw()
        return {
            "changed": self.remove_table() or left or pending,
            "pending": self.pending_change.is_pending(),
            "diff": diff,
        }

    def remove_from_ufw(self):
        """Make our rules in ufw be gone; returns whether there were any, and a diff."""
        ours = self.ufw_openings()[0] if self.ufw else []
        if ours and not self.check_mode:
            # Without them, an active ufw may close SSH.
            if self.backend == "ufw":
                self.pending_change.begin(self.ufw.save, self.ufw.restoring, self.params["confirm_seconds"])
            self.ufw.change([], ours)
        return bool(ours), self.diff(lines(ours), "", "ufw") if ours else []

    def remove_table(self):
        """Make the table and its file be gone; returns whether one of them was there."""
        live = bool(self.table and self.live_table())
        if live and not self.check_mode:
            self.table.remove()
        return self.keep("") or live

    # The file

    def text(self):
        try:
            with open(self.params["path"], encoding="utf-8", errors="replace") as file:
                text = file.read()
        except FileNotFoundError:
            return ""
        if firewall_rules.MARK not in text:
            raise FirewallError(
                f"{self.params['path']} is somebody else's: it lacks the text '{firewall_rules.MARK}'. Rename it."
            )
        return text

    def keep(self, text):
        """Make the file have a text, none for an empty one; returns whether it differed."""
        files = ManagedFiles(self.check_mode)
        if text:
            files.write(self.params["path"], text, MODE)
        else:
            files.remove(self.params["path"])
        return files.changed

    def diff(self, before, after, header=""):
        header = header or self.params["path"]
        return [{"before_header": header, "after_header": header, "before": before, "after": after}]


def lines(openings):
    """What ufw lets in, for a diff."""
    return "".join(f"allow {' '.join(firewall_rules.ufw_rule(opening))}\n" for opening in sorted(openings))


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "confirmed", "absent"], "default": "present"},
            "open": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "port": {"type": "int", "required": True},
                    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
                    "sources": {"type": "list", "elements": "str", "default": []},
                },
            },
            "ssh_sources": {"type": "list", "elements": "str", "default": []},
            "interfaces": {"type": "list", "elements": "str", "default": []},
            "confirm_seconds": {"type": "int", "default": 60},
            "path": {"type": "path", "default": "/etc/nbops-firewall.nft"},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)
    firewall = Firewall(module)
    try:
        result = {
            "present": firewall.present,
            "confirmed": firewall.confirmed,
            "absent": firewall.absent,
        }[module.params["state"]]()
    except (FirewallError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(backend=firewall.backend, **result)


if __name__ == "__main__":
    main()
