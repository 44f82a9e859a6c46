# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who comes to a node by SSH: whoever has a job there, root, and people of some groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ACCOUNT

PACKAGE = "libpam-slurm-adopt"
NAME = "nbops-slurm-ssh"
PROFILE = f"/usr/share/pam-configs/{NAME}"
UPDATE = "/usr/sbin/pam-auth-update"
# Undoes both what is asked of people, and what it is in conflict with.
TAKE_BACK = [UPDATE, "--disable", NAME, "--enable", "systemd"]
ROLLBACK = f"{NAME}-rollback"
# Longer than Ansible takes to come back.
ROLLBACK_SECONDS = 120
# A module that somebody has removed refuses nobody. The module itself lets in root, and asks nothing but of SSH.
ADOPT = (
    "[success=ok ignore=ignore module_unknown=ignore default=bad]",
    "pam_slurm_adopt.so action_adopt_failure=deny action_generic_failure=deny",
)
# What `id` says, such as uid=1000(ansible) gid=1000(ansible) groups=1000(ansible),27(sudo).
_ID = re.compile(r"uid=([0-9]+)\(([^)]*)\) .*groups=(\S+)")


def problems(settings: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the groups."""
    for group in settings["ssh_groups"]:
        if not ACCOUNT.fullmatch(group):
            yield f"slurm_ssh_groups: '{group}' is no name of a group."


def answer_problems(settings: Mapping[str, Any], host: Mapping[str, Any]) -> Iterator[str]:
    """What `id` and `sshd -T` have answered: whether Ansible would still come in, and whether PAM is asked at all."""
    found = _ID.search(host.get("login", ""))
    if found and found[1] != "0":
        groups = re.findall(r"\(([^)]*)\)", found[3])
        if not set(groups) & set(settings["ssh_groups"]):
            yield (
                f"slurm_ssh_groups: Ansible comes in as {found[2]}, whom the node would refuse; write one of its "
                f"groups there ({', '.join(groups)}), or add it to {' or '.join(settings['ssh_groups']) or 'a group'}."
            )
    if "usepam no" in host.get("sshd", "").lower().splitlines():
        yield "slurm_ssh_jobs_only: sshd does not ask PAM who comes in; write `UsePAM yes` in its configuration."


def plan(settings: Mapping[str, Any], *, is_limited: bool) -> dict[str, Any]:
    """What PAM is told, and how it is taken back."""
    admitted = (
        "[success=1 default=ignore]",
        f"pam_succeed_if.so quiet user ingroup {':'.join(settings['ssh_groups'])}",
    )
    lines = ["\t".join(line) for line in ((admitted, ADOPT) if settings["ssh_groups"] else (ADOPT,))]
    return {
        "is_limited": is_limited,
        "profile": PROFILE,
        "text": _profile(lines),
        "lines": [f"account\t{line}" for line in lines],
        "mark": "account\t" + "\t".join(ADOPT),
        "limit": [UPDATE, "--enable", NAME],
        "take_back": TAKE_BACK,
        "rollback": f"{ROLLBACK}.timer",
        "arm": [
            *("/usr/bin/systemd-run", "--collect", f"--unit={ROLLBACK}", f"--on-active={ROLLBACK_SECONDS}"),
            # Timers may be a minute late otherwise.
            "--timer-property=AccuracySec=1s",
            *("--setenv=DEBIAN_FRONTEND=noninteractive", *TAKE_BACK),
        ],
    }


def _profile(lines: list[str]) -> str:
    """What pam-auth-update merges into /etc/pam.d. systemd's session would take people out of their job again."""
    head = (
        "Name: SSH for whoever has a job on this node (role nbops.jupyter.slurm)",
        "Default: no",
        "Priority: 0",
        "Conflicts: systemd, slurm-adopt",
        "Account-Type: Additional",
        "Account:",
    )
    return "".join(f"{line}\n" for line in (*head, *(f"\t{line}" for line in lines)))
