# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs for code that a module uses as well as a service without Ansible.

A module has to run them by its own `run_command`, a service cannot: each says how, once, at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

# From arguments and standard input, None where a program reads none, to the status, the output and the messages.
Runner = Callable[[Sequence[str], "bytes | None"], tuple[int, bytes, bytes]]

_runners: list[Runner] = []


def run_by(runner: Runner) -> None:
    """Says how programs are run from now on."""
    _runners.append(runner)


def run_by_module(module: Any) -> None:
    """Programs are run by an AnsibleModule from now on."""

    def runner(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        # A program that ends without reading its input breaks the pipe, and run_command fails. One that reads would get
        # the module's own input where its own is empty.
        text = None if data is None else data or b"\n"
        return module.run_command(list(argv), data=text, binary_data=True, encoding=None)

    run_by(runner)


def run(*argv: str, data: bytes | None = None) -> tuple[int, bytes, bytes]:
    """The status, output and messages of a program."""
    return _runners[-1](argv, data)
