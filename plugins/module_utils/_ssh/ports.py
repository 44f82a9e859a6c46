# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports on which a host takes SSH connections."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import Sshd, SshdError


def listening_ports(run: Callable[..., tuple[int, str, str]], sshd: str | None) -> set[int]:
    """Where sshd and its socket listen. `run` is an AnsibleModule's run_command, `sshd` the program, None for none.

    An sshd that refuses its own configuration listens nowhere.
    """
    ports = set()
    if sshd:
        with contextlib.suppress(SshdError):
            settings = Sshd(run, sshd).effective({})
            addresses = [re.fullmatch(r"\S+:(\d+)", address) for address in settings.get("listenaddress", ())]
            ports.update(int(match[1]) for match in addresses if match)
            ports.update(map(int, settings.get("port", ())))
    if run(["systemctl", "is-active", "ssh.socket"])[1].strip() == "active":
        listening = run(["systemctl", "show", "--property=Listen", "ssh.socket"])[1]
        ports.update(map(int, re.findall(r":(\d+) \(Stream\)", listening)))
    return ports
