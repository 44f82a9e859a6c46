# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installers that bring a whole prefix, as those of Miniforge, Miniconda and Anaconda: `bash INSTALLER -b -p PREFIX`.

Packages have the prefix written into them, so it is made in its final place. An installer beside it says that it is not
finished; a mark in the prefix says that it is, and ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable

from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import take_back
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox

MARK = ".nbops-installer.json"
_INSTALLER = "/run/installer"  # as the installer's own sandbox sees it
_SHOWN_OF_MESSAGES = 2000


class Prefix:
    """A prefix with what an installer needs beside it. Methods raise OSError, and ValueError where they say so."""

    def __init__(self, path: str) -> None:
        self.path = path
        folder, name = os.path.split(path)
        self._download = os.path.join(folder, f".{name}.download")
        self._installer = os.path.join(folder, f".{name}.installer")
        self._stage = os.path.join(folder, f".{name}.stage")

    def is_ours(self) -> bool:
        """Whether the prefix is whole and was made here."""
        return os.path.isfile(os.path.join(self.path, MARK))

    def is_there(self) -> bool:
        """Whether there is a prefix, made by whomever; what an interruption left is none."""
        return os.path.lexists(self.path) and (self.is_ours() or not os.path.lexists(self._installer))

    def leftovers(self) -> list[str]:
        """What an interruption left."""
        unfinished = os.path.lexists(self._installer) and not self.is_ours()
        paths = [*([self.path] if unfinished else []), self._download, self._stage, self._installer]
        return [path for path in paths if os.path.lexists(path)]

    def clean(self) -> None:
        """Removes what an interruption left; the installer last, as it says what else there is."""
        for path in self.leftovers():
            _remove(path)

    def install(self, chunks: Iterable[bytes], sha256: str) -> None:
        """Writes an installer to disk, checks it and has it make the prefix, not as root. Nothing is left of a failure.

        Raises ValueError where the installer is another than the one meant, or fails.
        """
        self.clean()
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
            self._fetch(chunks, sha256)
            os.rename(self._download, self._installer)
            self._run()
            take_back(self.path, enters=False)
            self._try()
            os.sync()
            atomic.write(os.path.join(self.path, MARK), json.dumps({"sha256": sha256}).encode(), 0o644)
        finally:
            self.clean()

    def remove(self) -> None:
        """Removes the prefix, the mark last: an interrupted removal is completed by the next."""
        for name in os.listdir(self.path):
            if name != MARK:
                _remove(os.path.join(self.path, name))
        shutil.rmtree(self.path)

    def _fetch(self, chunks: Iterable[bytes], sha256: str) -> None:
        digest = hashlib.sha256()
        descriptor = os.open(self._download, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256.lower():
            raise ValueError(
                f"the installer of {self.path} has the SHA-256 {digest.hexdigest()}, not {sha256.lower()}, and was not "
                "run: compare both with what its publisher says"
            )

    def _run(self) -> None:
        """Has the installer make the prefix where it believes that its final place is, and moves it there."""
        folder, name = os.path.split(self.path)
        os.makedirs(os.path.join(self._stage, ".home"))
        os.chmod(self._installer, 0o644)
        # The installer would refuse a prefix that is there, and must not write beside it.
        sandbox = Sandbox(given=[f"{self._stage}:{folder}"], shown=[f"{self._installer}:{_INSTALLER}"])
        home = os.path.join(folder, ".home")
        self._command(["bash", _INSTALLER, "-b", "-p", self.path], sandbox, {"HOME": home, "TMPDIR": home})
        made = os.path.join(self._stage, name)
        if not os.path.isdir(made) or os.path.islink(made):
            raise ValueError(f"the installer of {self.path} made no directory there")
        os.rename(made, self.path)

    def _try(self) -> None:
        python = os.path.join(self.path, "bin/python")
        self._command([python, "-I", "-c", ""], Sandbox(shown=[self.path]), {})

    def _command(self, argv: list[str], sandbox: Sandbox, environment: dict[str, str]) -> None:
        with sandbox.command(argv, environment) as command:
            rc, out, err = runner.run(*command)
        if rc:
            said = (err or out).decode(errors="replace").strip()[-_SHOWN_OF_MESSAGES:]
            raise ValueError(f"`{' '.join(argv)}` ended with status {rc}: {said}")


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
