# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our table in nftables."""

from __future__ import annotations

import os
import shlex
import tempfile

from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import TABLE, removal
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.tools import Run, output

# The file of the table before a change that is not confirmed yet.
TABLE_BEFORE = "before.nft"


class Nftables:
    """The host's nftables, of which only our table is read and changed. Methods raise FirewallError and OSError."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def live(self) -> str:
        """The table as the kernel has it; empty if there is none."""
        rc, out, _err = self._run(["nft", "list", "table", "inet", TABLE])
        return out if rc == 0 else ""

    def as_loaded(self, text: str) -> str:
        """Validates a table, and returns it as the kernel lists it: loads it in a network namespace of its own."""
        with tempfile.NamedTemporaryFile("w", suffix=".nft") as file:
            file.write(text)
            file.flush()
            script = f'nft --file "$1" && nft list table inet {TABLE}'
            return output(self._run, "unshare", "--net", "sh", "-c", script, "sh", file.name)

    def save(self, directory: str) -> None:
        """Writes the table as it is now into a directory."""
        with open(os.path.join(directory, TABLE_BEFORE), "w", encoding="utf-8") as file:
            file.write(removal() + self.live())

    def restoring(self, directory: str) -> str:
        """The shell command that brings back the table that was saved in a directory."""
        return f"nft --file {shlex.quote(os.path.join(directory, TABLE_BEFORE))}"

    def load(self, path: str) -> None:
        """Replaces the table by that of a file, in one transaction."""
        output(self._run, "nft", "--file", path)

    def remove(self) -> None:
        """Makes the table be gone."""
        if self.live():
            output(self._run, "nft", "delete", "table", "inet", TABLE)
