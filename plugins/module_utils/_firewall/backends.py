# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filter of a host: a table of ours in nftables, or our rules in ufw. `run` is that of a module."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable

from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall import rules as firewall_rules
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import TABLE, Opening

END_SECONDS = 20
# Files of the state before a pending change.
TABLE_BEFORE = "before.nft"
UFW_BEFORE = "before.ufw"
_UFW_FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")


class FirewallError(Exception):
    """A packet filter refuses a change; the text says why."""


class Tools:
    def __init__(self, run: Callable) -> None:
        self.run = run

    def out(self, *argv: str) -> str:
        rc, out, err = self.run(list(argv))
        if rc != 0:
            raise FirewallError(f"{' '.join(argv)}: {(err or out).strip()}")
        return out


class Table(Tools):
    """Our table in nftables."""

    def live(self) -> str:
        """The table as the kernel has it; empty if there is none."""
        rc, out, _err = self.run(["nft", "list", "table", "inet", TABLE])
        return out if rc == 0 else ""

    def as_loaded(self, text: str) -> str:
        """Validates a table, and returns it as the kernel lists it: loads it in a network namespace of its own."""
        with tempfile.NamedTemporaryFile("w", suffix=".nft") as file:
            file.write(text)
            file.flush()
            script = f'nft --file "$1" && nft list table inet {TABLE}'
            return self.out("unshare", "--net", "sh", "-c", script, "sh", file.name)

    def save(self, directory: str) -> None:
        """Writes the table as it is now into a directory."""
        with open(os.path.join(directory, TABLE_BEFORE), "w", encoding="utf-8") as file:
            file.write(firewall_rules.removal() + self.live())

    def restoring(self, directory: str) -> str:
        """The shell command that brings back the table that was saved in a directory."""
        return f"nft --file {shlex.quote(os.path.join(directory, TABLE_BEFORE))}"

    def load(self, path: str) -> None:
        self.out("nft", "--file", path)

    def remove(self) -> None:
        if self.live():
            self.out("nft", "delete", "table", "inet", TABLE)


class Ufw(Tools):
    """Our rules in ufw, where that is the host's."""

    def is_active(self) -> bool:
        rc, out, _err = self.run(["ufw", "status"])
        return rc == 0 and bool(re.search(r"^Status: active$", out, re.MULTILINE))

    def added(self) -> str:
        """The rules as `ufw show added` lists them."""
        return self.out("ufw", "show", "added")

    def save(self, directory: str) -> None:
        """Writes the rules as they are now into a directory."""
        with open(os.path.join(directory, UFW_BEFORE), "w", encoding="utf-8") as file:
            file.write(self.added())
        for path in _UFW_FILES:
            self.out("cp", "--preserve", path, os.path.join(directory, os.path.basename(path)))

    def restoring(self, directory: str) -> str:
        """The shell command that brings back the rules that were saved in a directory."""
        copies = [(os.path.join(directory, os.path.basename(path)), path) for path in _UFW_FILES]
        steps = [f"cp --preserve {shlex.quote(copy)} {shlex.quote(path)}" for copy, path in copies]
        return " && ".join([*steps, "ufw reload"])

    def change(self, add: list[Opening], delete: list[Opening]) -> None:
        # Adding first keeps open what both the old and the new rules allow.
        for opening in add:
            self.out("ufw", "allow", *firewall_rules.ufw_rule(opening), "comment", firewall_rules.COMMENT)
        for opening in delete:
            self.out("ufw", "delete", "allow", *firewall_rules.ufw_rule(opening))


class PendingChange(Tools):
    """A change of the packet filter that the host reverts by itself, unless it is confirmed in time.

    Its directory holds the state before the change, and the script that restores it. It appears and vanishes in one
    step, so that a run that is killed leaves a whole one or none.
    """

    UNIT = "nbops-firewall-rollback"
    DIRECTORY = "/run/nbops-firewall"

    def is_pending(self) -> bool:
        return os.path.exists(self._path("restore"))

    def saved(self, name: str) -> str | None:
        """A file of the state before a change that is still in effect; None without such a change or file."""
        if not self.is_pending() or os.path.exists(self._path("restored")):
            return None
        return text_or_none(self._path(name))

    def begin(self, save: Callable[[str], None], restoring: Callable[[str], str], seconds: int) -> None:
        """Saves the present state, and starts a timer that restores it after some seconds.

        `save` writes the state into a directory, `restoring` is the shell command that restores it from one.
        """
        draft = self._draft()
        os.mkdir(draft, 0o700)
        save(draft)
        with open(os.path.join(draft, "restore"), "w", encoding="utf-8") as file:
            file.write(f"set -e\n{restoring(self.DIRECTORY)}\ntouch {self._path('restored')}\n")
        if not self.is_pending():
            # Without its script it is what is left of a run that was killed.
            shutil.rmtree(self.DIRECTORY, ignore_errors=True)
        os.rename(draft, self.DIRECTORY)
        self.out(
            *("systemd-run", "--quiet", f"--unit={self.UNIT}", f"--on-active={seconds}"),
            *("--timer-property=AccuracySec=100ms", "/bin/sh", self._path("restore")),
        )

    def end(self) -> bool:
        """Stops the timer; returns whether the change is still in effect."""
        self.run(["systemctl", "stop", f"{self.UNIT}.timer"])
        # Stopping the timer does not stop a service that it has started.
        deadline = time.monotonic() + END_SECONDS
        while self.run(["systemctl", "is-active", f"{self.UNIT}.service"])[1].strip() in ("active", "activating"):
            if time.monotonic() > deadline:
                raise FirewallError(f"{self.UNIT}.service does not end: look at its journal.")
            time.sleep(0.05)
        return not os.path.exists(self._path("restored"))

    def revert(self) -> None:
        """Restores the state before the change at once."""
        if self.end():
            self.out("/bin/sh", self._path("restore"))
        self.forget()

    def forget(self) -> None:
        """Makes the directory and the timer be gone."""
        self.run(["systemctl", "stop", f"{self.UNIT}.timer"])
        self.run(["systemctl", "reset-failed", f"{self.UNIT}.service"])
        draft = self._draft()
        os.rename(self.DIRECTORY, draft)
        shutil.rmtree(draft)

    def _draft(self) -> str:
        """A name beside the directory, at which nothing is."""
        draft = f"{self.DIRECTORY}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        return draft

    def _path(self, name: str) -> str:
        return os.path.join(self.DIRECTORY, name)
