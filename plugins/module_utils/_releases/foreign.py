# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what packages bring on a release: never as root, see `Sandbox`."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import take_back
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import PackageSource
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox

# Each with what messages call it.
Commands = Sequence[tuple[str, Sequence[str]]]


class ForeignCode:
    """Programs of a release, and programs that run code of its packages. Methods raise BuildError."""

    def __init__(self, programs: Programs, release: str) -> None:
        self._programs = programs
        self._release = release

    def change(
        self,
        commands: Commands,
        environment: Mapping[str, str],
        online: PackageSource | None = None,
        shown: Sequence[str] = (),
        timeout: int = 0,
    ) -> None:
        """Runs commands, which may add, replace and remove files of the release. They share a home.

        They have a network with a source of packages whose certificates they need. Each takes at most `timeout` seconds
        (0 for no limit), and sees the directories in `shown`.
        """
        with self._home() as home:
            sandbox = Sandbox([self._release], shown, _authorities(online), online is not None)
            self._run(commands, environment, home, sandbox, timeout)
        try:
            take_back(self._release)
        except ValueError as error:
            raise BuildError(f"{', '.join(what for what, _argv in commands)}: {error}") from error

    def answer(
        self,
        what: str,
        asking: Callable[[str], Sequence[str]],
        environment: Mapping[str, str],
        online: PackageSource | None,
        shown: Sequence[str] = (),
    ) -> str:
        """The text that a command writes into a file, whose path it is made with. It can only read the release."""
        with self._home() as home:
            path = os.path.join(home, "answer")
            sandbox = Sandbox([home], [self._release, *shown], _authorities(online), online is not None)
            self._run([(what, asking(path))], environment, home, sandbox, timeout=0)
            try:
                # Whatever is there now, foreign code has left it.
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                with open(descriptor, encoding="utf-8") as file:
                    return file.read()
            except (OSError, ValueError) as error:
                raise BuildError(f"{what}: {error}") from error

    def test(self, commands: Commands, environment: Mapping[str, str], timeout: int) -> None:
        """Runs commands, which can only read the release."""
        with self._home() as home:
            sandbox = Sandbox(given=[home], shown=[self._release])
            self._run(commands, environment, home, sandbox, timeout)

    @contextlib.contextmanager
    def _home(self) -> Iterator[str]:
        """A directory inside of the release, so that an interruption leaves nothing elsewhere."""
        home = tempfile.mkdtemp(prefix=".home-", dir=self._release)
        try:
            yield home
        finally:
            # Foreign code may have put something else in its place.
            if os.path.isdir(home) and not os.path.islink(home):
                shutil.rmtree(home)
            elif os.path.lexists(home):
                os.unlink(home)

    def _run(
        self,
        commands: Commands,
        environment: Mapping[str, str],
        home: str,
        sandbox: Sandbox,
        timeout: int,
    ) -> None:
        environment = {**environment, "HOME": home, "TMPDIR": home}
        for what, argv in commands:
            self._programs.run(list(argv), what, environment, cwd=self._release, timeout=timeout, sandbox=sandbox)


def _authorities(online: PackageSource | None) -> list[str]:
    """The file with the certificate authorities that a command with a network needs."""
    return [online.certificates] if online and os.path.isfile(online.certificates) else []
