# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the programs of a packet filter."""

from __future__ import annotations

from collections.abc import Callable

# An AnsibleModule's run_command: takes a command line; returns status, output and messages.
Run = Callable[..., "tuple[int, str, str]"]


class FirewallError(Exception):
    """A packet filter refuses a change; the text says why."""


def output(run: Run, *argv: str) -> str:
    """What a program prints. Raises FirewallError with its messages if it fails."""
    rc, out, err = run(list(argv))
    if rc != 0:
        raise FirewallError(f"{' '.join(argv)}: {(err or out).strip()}")
    return out
