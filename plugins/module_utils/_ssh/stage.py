# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as it would be with other files, which visudo, sudo and sshd judge in a mount namespace."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._process import namespaces
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sshd as sshd_host
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh import sudoers, system_files
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.sshd import Sshd, Values


@contextlib.contextmanager
def staged(texts: Mapping[str, str | None]) -> Iterator[dict[str, str]]:
    """Copies the directories of these files and writes the texts there; maps each directory to its copy.

    A directory that the host lacks is left out. Raises OSError.
    """
    with tempfile.TemporaryDirectory() as parent:
        copies = {}
        for directory in sorted({os.path.dirname(path) for path in texts}):
            if os.path.isdir(directory):
                copies[directory] = os.path.join(parent, os.path.basename(directory))
                # The copy is mounted over the directory, so that a link in it leads where it led before.
                shutil.copytree(directory, copies[directory], symlinks=True)
        for path, text in texts.items():
            directory, name = os.path.split(path)
            if directory in copies:
                system_files.write({os.path.join(copies[directory], name): text})
        yield copies


@dataclass(frozen=True)
class Stage:
    """What programs say of the host with `copies` in the place of its directories.

    `run` is an AnsibleModule's run_command, `visudo` the path of the program, `client` the address from which people
    come, empty where it is not known. A program that is not installed is None, and must not be asked.
    """

    run: Callable[..., tuple[int, str, str]]
    copies: Mapping[str, str]
    visudo: str | None
    sshd: Sshd | None
    client: str

    def has_drop_ins(self) -> bool:
        """Whether there is a directory for drop-ins of sshd."""
        return sshd_host.DIRECTORY in self.copies

    def check_sudoers(self) -> str:
        """What visudo says of all rules for sudo. Raises ValueError where it refuses them."""
        rc, out, err = self.run(namespaces.command(self.copies, [self.visudo, "-c"]))
        if rc != 0:
            raise ValueError(f"visudo refuses the rules for sudo:\n{(err or out).strip()}")
        return out

    def reads_rules(self, checked: str) -> bool:
        """Whether sudo reads the file of our rules, by what visudo says; that of sudo-rs names only the main file."""
        if sudoers.PATH in checked:
            return True
        with contextlib.suppress(OSError), open(sudoers.MAIN, encoding="utf-8", errors="replace") as file:
            return sudoers.includes(file.read(), sudoers.DIRECTORY)
        return False

    def sudo_of(self, name: str) -> str:
        """How an account may do everything: `nopasswd`, `password`, or `none`."""
        return sudoers.everything(self.run(namespaces.command(self.copies, ["sudo", "-n", "-l", "-U", name]))[1])

    def effective(self, name: str = "") -> Values:
        """What holds for sshd in general, or for an account. Raises SshdError."""
        return self.sshd.effective(self.copies, name, self.client if name else "")

    def drop_in(self) -> Values:
        """What our drop-in says by itself, in sshd's own words. Raises SshdError."""
        return self.sshd.alone(os.path.join(self.copies[sshd_host.DIRECTORY], sshd_host.NAME))
