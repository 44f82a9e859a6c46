# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs for code that a module uses as well as a service without Ansible.

A module has to run them by its own `run_command`, a service cannot: each says how, once, at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# From arguments and standard input to the status, the output and the messages.
Runner = Callable[[Sequence[str], bytes], tuple[int, bytes, bytes]]

_runners: list[Runner] = []


def run_by(runner: Runner) -> None:
    """Says how programs are run from now on."""
    _runners.append(runner)


def run_by_module(module: Any) -> None:
    """Programs are run by an AnsibleModule from now on."""

    def runner(argv: Sequence[str], data: bytes) -> tuple[int, bytes, bytes]:
        # Without input, a program would get the module's own.
        return module.run_command(list(argv), data=data or b"\n", binary_data=True, encoding=None)

    run_by(runner)


def run(*argv: str, data: bytes = b"") -> tuple[int, bytes, bytes]:
    """The status, output and messages of a program."""
    return _runners[-1](argv, data)
