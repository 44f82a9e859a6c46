# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our rules in ufw, where that is the host's."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import COMMENT, Opening, ufw_rule
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.tools import Run, output

# The file of the rules, as ufw lists them, before a change that is not confirmed yet.
UFW_BEFORE = "before.ufw"
_FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")


class Ufw:
    """The host's ufw. Methods raise FirewallError and OSError."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def is_active(self) -> bool:
        """Whether ufw filters, now and after a reboot."""
        rc, out, _err = self._run(["ufw", "status"])
        return rc == 0 and bool(re.search(r"^Status: active$", out, re.MULTILINE))

    def added(self) -> str:
        """The rules as `ufw show added` lists them."""
        return output(self._run, "ufw", "show", "added")

    def save(self, directory: str) -> None:
        """Writes the rules as they are now into a directory."""
        with open(os.path.join(directory, UFW_BEFORE), "w", encoding="utf-8") as file:
            file.write(self.added())
        for path in _FILES:
            output(self._run, "cp", "--preserve", path, os.path.join(directory, os.path.basename(path)))

    def restoring(self, directory: str) -> str:
        """The shell command that brings back the rules that were saved in a directory."""
        copies = [(os.path.join(directory, os.path.basename(path)), path) for path in _FILES]
        steps = [f"cp --preserve {shlex.quote(copy)} {shlex.quote(path)}" for copy, path in copies]
        return " && ".join([*steps, "ufw reload"])

    def change(self, add: Iterable[Opening], delete: Iterable[Opening]) -> None:
        """Adds rules with our comment, and deletes others."""
        # Adding first keeps open what both the old and the new rules allow.
        for opening in add:
            output(self._run, "ufw", "allow", *ufw_rule(opening), "comment", COMMENT)
        for opening in delete:
            output(self._run, "ufw", "delete", "allow", *ufw_rule(opening))
