# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the packet filter that waits to be confirmed."""

from __future__ import annotations

import os
import shutil
import time
from typing import Protocol

from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import text_or_none
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.tools import FirewallError, Run, output

_END_SECONDS = 20


class Backend(Protocol):
    """What changes: nftables or ufw."""

    def save(self, directory: str) -> None:
        """Writes the present state into a directory."""

    def restoring(self, directory: str) -> str:
        """The shell command that brings back what was saved in a directory."""


class PendingChange:
    """A change of the packet filter that the host reverts by itself, unless it is confirmed in time.

    Its directory holds the state before the change, and the script that restores it. It appears and vanishes in one
    step, so that a run that is killed leaves a whole one or none. Methods raise FirewallError and OSError.
    """

    UNIT = "nbops-firewall-rollback"
    DIRECTORY = "/run/nbops-firewall"

    def __init__(self, run: Run) -> None:
        self._run = run

    def is_pending(self) -> bool:
        """Whether there is a change that was not confirmed, be it that the host has reverted it already."""
        return os.path.exists(self._path("restore"))

    def saved(self, name: str) -> str | None:
        """A file of the state before a change that is still in effect; None without such a change or file."""
        if not self.is_pending() or os.path.exists(self._path("restored")) or self._lost():
            return None
        return text_or_none(self._path(name))

    def wanted_path(self) -> str:
        """The file of the table that the kernel loads, where the change is one of nftables."""
        return self._path("wanted.nft")

    def begin(self, backend: Backend, seconds: int, wanted: str | None = None) -> None:
        """Saves the present state, and starts a timer that restores it after some seconds.

        `wanted` is the text of the table, None where the change is one of ufw.
        """
        draft = self._draft()
        os.mkdir(draft, 0o700)
        backend.save(draft)
        saved = "".join(f"{name}\n" for name in sorted(os.listdir(draft)))
        texts = {
            "saved": saved,
            "restore": f"set -e\n{backend.restoring(self.DIRECTORY)}\ntouch {self._path('restored')}\n",
        }
        if wanted is not None:
            texts[os.path.basename(self.wanted_path())] = wanted
        for name, text in texts.items():
            with open(os.path.join(draft, name), "w", encoding="utf-8") as file:
                file.write(text)
        if not self.is_pending():
            # Without its script it is what is left of a run that was killed.
            shutil.rmtree(self.DIRECTORY, ignore_errors=True)
        os.rename(draft, self.DIRECTORY)
        output(
            self._run,
            *("systemd-run", "--quiet", f"--unit={self.UNIT}", f"--on-active={seconds}"),
            *("--timer-property=AccuracySec=100ms", "/bin/sh", self._path("restore")),
        )

    def end(self) -> bool:
        """Stops the timer; returns whether the change is still in effect."""
        self._run(["systemctl", "stop", f"{self.UNIT}.timer"])
        # Stopping the timer does not stop a service that it has started.
        deadline = time.monotonic() + _END_SECONDS
        while self._run(["systemctl", "is-active", f"{self.UNIT}.service"])[1].strip() in ("active", "activating"):
            if time.monotonic() > deadline:
                raise FirewallError(f"{self.UNIT}.service does not end: look at its journal.")
            time.sleep(0.05)
        return not os.path.exists(self._path("restored"))

    def revert(self) -> list[str]:
        """Restores the state before the change at once.

        Returns the saved files that are gone, sorted: without them there is no way back, and what is in effect stays.
        """
        lost = self._lost() if self.end() else []
        if not lost and not os.path.exists(self._path("restored")):
            output(self._run, "/bin/sh", self._path("restore"))
        self.forget()
        return lost

    def _lost(self) -> list[str]:
        names = (text_or_none(self._path("saved")) or "").splitlines()
        return [path for path in map(self._path, names) if not os.path.exists(path)]

    def forget(self) -> None:
        """Makes the directory and the timer be gone."""
        self._run(["systemctl", "stop", f"{self.UNIT}.timer"])
        self._run(["systemctl", "reset-failed", f"{self.UNIT}.service"])
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
