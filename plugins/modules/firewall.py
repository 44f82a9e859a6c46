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
extends_documentation_fragment:
  - nbops.jupyter._attributes
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
      last_port:
        description: The last of several ports, of which O(open[].port) is the first; 0 is for one port alone.
        type: int
        default: 0
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
    details: Without nftables on the host the table is not validated.
  diff_mode:
    support: full
    details: Shows the file, or the rules of ufw.
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.nftables import Nftables
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.pending_change import PendingChange
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.plan import (
    Plan,
    plan_absent,
    plan_table,
    plan_ufw,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import admits, openings, ruleset
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.state import PacketFilter, read_state
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.tools import FirewallError
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.ufw import Ufw
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import connection as ssh_connection
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.ports import listening_ports

MODE = 0o644

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "confirmed", "absent"], "default": "present"},
    "open": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "port": {"type": "int", "required": True},
            "last_port": {"type": "int", "default": 0},
            "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
            "sources": {"type": "list", "elements": "str", "default": []},
        },
    },
    "ssh_sources": {"type": "list", "elements": "str", "default": []},
    "interfaces": {"type": "list", "elements": "str", "default": []},
    "confirm_seconds": {"type": "int", "default": 60},
    "path": {"type": "path", "default": "/etc/nbops-firewall.nft"},
}


def find_packet_filter(module: AnsibleModule) -> PacketFilter:
    """What is installed on the host, and which of it filters."""
    nftables = Nftables(module.run_command) if module.get_bin_path("nft", opt_dirs=["/usr/sbin"]) else None
    ufw = Ufw(module.run_command) if module.get_bin_path("ufw", opt_dirs=["/usr/sbin"]) else None
    pending = PendingChange(module.run_command)
    return PacketFilter(nftables, ufw, pending, is_ufw=bool(ufw and ufw.is_active()))


def ssh_ports(module: AnsibleModule) -> list[int]:
    """The ports to open for SSH. Raises FirewallError where this would close the connection, or firewalld filters."""
    connection = ssh_connection.current()
    if connection and not admits(module.params["ssh_sources"], connection.client):
        raise FirewallError(
            f"firewall_ssh_sources does not hold {connection.client}, from which this connection comes; add it."
        )
    if module.run_command(["systemctl", "is-active", "firewalld.service"])[1].strip() == "active":
        raise FirewallError("firewalld filters on this host; open the ports there, or stop and disable it first.")
    listening = listening_ports(module.run_command, module.get_bin_path("sshd", opt_dirs=["/usr/sbin"]))
    return sorted(listening | {connection.server_port} if connection else listening)


def make_plan(packet_filter: PacketFilter, params: dict, ports: list[int]) -> Plan:
    """Compares what is wanted with the host. Raises FirewallError where the kernel refuses the table."""
    state = read_state(packet_filter, params["path"])
    if params["state"] == "absent":
        return plan_absent(state)
    ssh = [{"port": port, "last_port": 0, "protocol": "tcp", "sources": params["ssh_sources"]} for port in ports]
    wanted = openings([*params["open"], *ssh])
    if packet_filter.is_ufw:
        return plan_ufw(state, wanted)
    text = ruleset(wanted, params["interfaces"])
    loaded = packet_filter.nftables.as_loaded(text) if packet_filter.nftables else None
    return plan_table(state, params["path"], text, loaded)


def apply(plan: Plan, packet_filter: PacketFilter, path: str, seconds: int) -> list[str]:
    """Changes what the host lets in. The table and rules of an active ufw wait to be confirmed for some seconds.

    Returns the files of an unconfirmed change that were lost, so that it could not be reverted first.
    """
    nftables, ufw, pending = packet_filter.nftables, packet_filter.ufw, packet_filter.pending
    lost = pending.revert() if plan.revert else []
    if plan.load:
        pending.begin(nftables, seconds, plan.load)
        nftables.load(pending.wanted_path())
    if plan.add or plan.delete:
        # Without our rules, an active ufw may close SSH.
        if packet_filter.is_ufw:
            pending.begin(ufw, seconds)
        ufw.change(plan.add, plan.delete)
    if plan.remove_table:
        nftables.remove()
    if plan.remove_file:
        os.unlink(path)
    return lost


def confirm(pending: PendingChange, path: str) -> bool:
    """Keeps a change that waits to be confirmed; returns whether the file of the table changed.

    Raises FirewallError where the host has reverted the change already.
    """
    if not pending.end():
        pending.forget()
        raise FirewallError(
            "No new connection came in time to confirm the change, so the host took it back, and is as it was "
            "before. Look at firewall_ssh_sources, and at what lies between the controller and the host."
        )
    files = ManagedFiles(check_mode=False)
    text = text_or_none(pending.wanted_path())
    if text is not None:
        files.write(path, text, MODE)
    pending.forget()
    return files.changed


def run(module: AnsibleModule) -> dict:
    """Changes the host, or in check mode predicts it, and returns the module's result."""
    params, packet_filter = module.params, find_packet_filter(module)
    path, pending = params["path"], packet_filter.pending
    if params["state"] == "confirmed":
        changed = pending.is_pending() and not module.check_mode and confirm(pending, path)
        return {"backend": packet_filter.backend, "changed": changed, "pending": False}

    is_present = params["state"] == "present"
    ports = ssh_ports(module) if is_present else []
    if is_present and not packet_filter.is_installed and not module.check_mode:
        raise FirewallError("nftables is not installed.")
    plan = make_plan(packet_filter, params, ports)
    lost = [] if module.check_mode else apply(plan, packet_filter, path, params["confirm_seconds"])
    if lost:
        module.warn(
            f"An unconfirmed change could not be reverted, because {', '.join(lost)} is gone; this run is the way on."
        )

    result = {"backend": packet_filter.backend, "changed": plan.revert or plan.is_change(), "diff": plan.diff}
    if not is_present:
        return {**result, "pending": pending.is_pending()}
    return {**result, "pending": plan.is_change() and not module.check_mode, "ssh_ports": ports}


def main() -> None:
    module = AnsibleModule(ARGUMENT_SPEC, supports_check_mode=True)
    surroundings.disregard()
    try:
        result = run(module)
    except (FirewallError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
