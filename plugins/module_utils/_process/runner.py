# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs for code that both modules and a program without Ansible use.

A module must run programs by its `run_command`, a program without Ansible cannot. Each sets its way when it starts.
"""

from __future__ import annotations

import pwd
from collections.abc import Callable, Sequence
from typing import Any

# Takes arguments and standard input (None for a program that reads none); returns status, output and messages.
Runner = Callable[[Sequence[str], "bytes | None"], tuple[int, bytes, bytes]]

# For what takes milliseconds, and longer only where homes are on another host.
ACCOUNT_SECONDS = 30
# The status of such a command that was killed, from a program that knows of signals and from a shell.
KILLED = (-9, 137)

_runners: list[Runner] = []


def run_by(runner: Runner) -> None:
    """Sets how programs are run from now on."""
    _runners.append(runner)


def run_by_module(module: Any) -> None:
    """Runs programs by an AnsibleModule's run_command from now on."""

    def runner(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        # run_command fails if a program ends without reading its input, so a program that reads none gets none. It
        # passes the module's own input on instead of an empty one.
        text = None if data is None else data or b"\n"
        return module.run_command(list(argv), data=text, binary_data=True, encoding=None, handle_exceptions=False)

    run_by(runner)


def as_account(account: pwd.struct_passwd) -> tuple[str, ...]:
    """The beginning of a command that runs as an account, with its groups.

    The account may stop each of its processes, and would keep root waiting: after a time, the command is killed.
    """
    limit = ("timeout", "--signal=KILL", f"{ACCOUNT_SECONDS}")
    return (*limit, "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--")


def run(*argv: str, data: bytes | None = None) -> tuple[int, bytes, bytes]:
    """The status, output and messages of a program. Raises OSError if it cannot be started."""
    return _runners[-1](argv, data)
