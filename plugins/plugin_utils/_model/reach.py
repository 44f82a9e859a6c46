# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host answers when it is asked for the first time, and what to do where it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# What is asked, as root, of a host that may have no Python. Each answer begins with a word of its own.
QUESTION = 'echo "uid=$(id -u)"; command -v python3 >/dev/null && echo python=yes; cat /etc/os-release'
# The oldest release of each system on which the roles work.
OLDEST = {"debian": (12,), "ubuntu": (22, 4)}
SUPPORTED = "Debian from 12, and Ubuntu from 22.04"
UNKNOWN_KEY = re.compile(r"host key verification failed|host key is not cached|not in known_hosts", re.IGNORECASE)
# What Ansible says, and sudo and su; a wrong password of SSH is another matter.
ESCALATION = re.compile(
    r"(missing|incorrect) \w+ password|privilege escalation|premature end of stream|(?<!\w)(sudo|su): ", re.IGNORECASE
)
WRONG_PASSWORD = re.compile(r"incorrect \w+ password", re.IGNORECASE)
WAITED = re.compile(r"timeout \(\d+s\) waiting for privilege escalation", re.IGNORECASE)


@dataclass(frozen=True)
class Contact:
    """How a host is reached: its name in the inventory, its address, account and port, and whether by SSH."""

    host: str
    address: str
    account: str = ""
    port: int = 22
    by_ssh: bool = True

    @classmethod
    def of(cls, variables: Mapping[str, object], account: str, connection: str) -> Contact:
        """From the variables of a host."""
        host = str(variables["inventory_hostname"])
        address = str(variables.get("ansible_host") or host)
        by_ssh = connection.rpartition(".")[2] in ("ssh", "smart", "paramiko", "paramiko_ssh")
        return cls(host, address, account, int(str(variables.get("ansible_port") or 22)), by_ssh)

    @property
    def command(self) -> str:
        """The command by which a person reaches the host."""
        port = f" -p {self.port}" if self.port != 22 else ""
        return f"ssh{port} {f'{self.account}@' if self.account else ''}{self.address}"

    def unreachable(self, reason: str) -> str:
        """Why the host does not answer, and what to try."""
        said = f"{self.host} does not answer: {_line(reason)}."
        if not self.by_ssh:
            return said
        if UNKNOWN_KEY.search(reason):
            return (
                f"{said} Run `{self.command}` once, compare the fingerprint that it shows with the host's, and say yes."
            )
        return (
            f"{said} `{self.command}` tells whether name or address (ansible_host), account (ansible_user) and key are "
            "right."
        )

    def become_is_off(self) -> str:
        """What to write where nothing makes the account root."""
        return f"{self.account or 'The account'} is not root on {self.host}, and become is off: write become: true."

    def not_root(self, reason: str) -> str:
        """Why the account does not become root, and what to try."""
        said = f"{self.account or 'The account'} does not become root on {self.host}: {_line(reason)}."
        if WRONG_PASSWORD.search(reason):
            return f"{said} Say it again at -K, or correct it where ansible_become_password is set."
        if WAITED.search(reason):
            return (
                f"{said} Try `sudo id` there. If it asks for a password, say -K (--ask-become-pass); if it is slow, as "
                "where a host does not find its own name, set a longer timeout: --timeout 60."
            )
        return (
            f"{said} Say -K (--ask-become-pass), which asks for the password of sudo, and look that the account may "
            "use it."
        )


def system_problem(answer: str) -> str:
    """Why a host with this answer to `QUESTION` is none for the collection; empty if it is one."""
    assignments = (re.fullmatch(r"([A-Z_]+)=[\"']?(.*?)[\"']?", line) for line in answer.splitlines())
    told = dict(found.groups() for found in assignments if found)
    kinds = [told.get("ID", ""), *told.get("ID_LIKE", "").split()]
    name = told.get("PRETTY_NAME") or told.get("ID") or "an unknown system"
    if not set(kinds) & set(OLDEST):
        return f"it runs {name}; the collection is for {SUPPORTED}."
    # Debian's next release has no number yet; what is made from Debian counts in another way.
    version = [int(part) for part in re.findall(r"[0-9]+", told.get("VERSION_ID", ""))]
    if version and tuple(version) < OLDEST.get(kinds[0], ()):
        return f"it runs {name}, which is too old; the collection is for {SUPPORTED}."
    return ""


def has_python(answer: str) -> bool:
    """Whether the host has the interpreter that modules run with."""
    return "python=yes" in answer.splitlines()


def is_root(answer: str) -> bool:
    """Whether the host was asked as root."""
    return "uid=0" in answer.splitlines()


def is_escalation(reason: str) -> bool:
    """Whether an error is about becoming root, of all that can go wrong with a connection."""
    return bool(ESCALATION.search(reason)) and "ermission denied" not in reason


def _line(reason: str) -> str:
    """The last line of an error, which says most, without what ends it."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return lines[-1].rstrip(".: ") if lines else "nothing was said"
