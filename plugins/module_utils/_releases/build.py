# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a release in its place: environment, packages, overlay, files, setup, compressed copies, trial, marker.

Nothing that a package brings runs as root: see `_releases/foreign.py`.
"""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.nbops.jupyter.plugins.module_utils._files.ownership import take_back
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.compress import compress
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.files import place_files
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.foreign import Commands, ForeignCode
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.installers import OTHER_PYTHON, Pip, Uv
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.interpreter import Interpreter
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import Pin, extend_lock, parse_lock
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import SYSTEM_PATH, BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import PackageSource
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore, content_size
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.venv import (
    installed_packages,
    make_overlay,
    site_packages,
    write_file,
)

_LOCK = "lock.txt"
_COMMAND_TIMEOUT = 300  # seconds
# Files of one interpreter. The processes of `compileall --workers` take a fifth more of the processor, because each
# file is sent to one of them, and its result back.
_COMPILED_AT_ONCE = 100
_MEGABYTE = 1024 * 1024
_ROOM = 100 * _MEGABYTE  # for uv, and for what a build needs on its way
_ROOM_PER_PACKAGE = 4 * _MEGABYTE  # a generous mean of an installed and compiled package


@dataclass(frozen=True)
class Recipe:
    """What a release is made of."""

    pins: list[Pin] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    setup_commands: list[list[str]] = field(default_factory=list)
    setup_network: bool = False
    smoke_commands: list[list[str]] = field(default_factory=list)
    overlay: bool = False
    compress: list[str] = field(default_factory=list)


def own_lock(store: ReleaseStore, name: str) -> list[Pin]:
    """The lock that a valid release was built from, empty where there is none to read."""
    if store.marker(name) is None:
        return []
    try:
        with open(os.path.join(store.directory(name), _LOCK), encoding="utf-8") as file:
            return parse_lock(file.read())
    except (OSError, ValueError):
        return []


def require_room(path: str, recipe: Recipe, previous_size: int | None) -> None:
    """Raises BuildError where the file system of a directory has not the room that a build is likely to take.

    The estimate is the size in bytes of the previous release, or else one by the number of packages.
    """
    expected = previous_size or _ROOM_PER_PACKAGE * (len(recipe.pins) + len(recipe.packages))
    needed = (expected + _ROOM) // _MEGABYTE
    free = shutil.disk_usage(path).free // _MEGABYTE
    if free < needed:
        raise BuildError(f"{path} has {free} MB free, and a release needs about {needed} MB: make room, or keep fewer")


class ReleaseBuild:
    """A build of the release that a recipe leads to."""

    def __init__(
        self,
        store: ReleaseStore,
        recipe: Recipe,
        interpreter: Interpreter,
        programs: Programs,
        source: PackageSource,
    ) -> None:
        self._store = store
        self._recipe = recipe
        self._interpreter = interpreter
        self._programs = programs
        self._source = source

    def run(self, identifier: str, installer: Uv | Pip, locked: list[Pin]) -> str:
        """Builds, and returns the name of the release. `locked` repeats a former build exactly, unless it is empty.

        Raises BuildError where a step fails; nothing of the release is left then.
        """
        installer.prepare(self._store.path)
        name = self._store.begin(identifier)
        release = self._store.directory(name)
        try:
            installer.create(release, self._interpreter.path)
            lock = os.path.join(release, _LOCK)
            write_file(lock, extend_lock(locked, []) if locked else self._resolve(release, installer))
            installer.install(release, lock)
            self._compile(release)
            # What is written gets to the disk while the release is tried, so that the last sync has little left to do.
            threading.Thread(target=os.sync, daemon=True).start()
            if self._recipe.overlay:
                make_overlay(release)
            place_files(release, self._recipe.files)
            foreign = ForeignCode(self._programs, release)
            if self._recipe.setup_commands:
                setup = _named(release, "setup command", self._recipe.setup_commands)
                network, offline = self._recipe.setup_network, self._source.npm_cache
                environment = {**(self._source.setup_environment() if network else {}), "PATH": _path(release)}
                online = self._source if network and not offline else None
                foreign.change(setup, environment, online, self._source.shown, timeout=_COMMAND_TIMEOUT)
            # The smoke test reads the release and cannot write, so it need not wait for the copies.
            with concurrent.futures.ThreadPoolExecutor(1) as beside:
                copies = beside.submit(compress, release, self._recipe.compress, self._programs)
                if self._recipe.smoke_commands:
                    smoke = _named(release, "smoke test", self._recipe.smoke_commands)
                    foreign.test(smoke, {"PATH": _path(release)}, _COMMAND_TIMEOUT)
            copies.result()
            python = {"tag": self._interpreter.tag, "version": self._interpreter.version}
            packages = installed_packages(release)
            marker = {"python": python, "packages": packages, "size": take_back(release)}
            self._store.finish(name, {**marker, "content": content_size(release)})
        except BaseException as error:
            self._store.remove(name)
            if isinstance(error, BuildError) and OTHER_PYTHON.search(str(error)):
                raise BuildError(
                    f"{self._store.path}: its packages have no version for Python {self._interpreter.version}; ask for "
                    f"another version of them, or write another `python`.\n{error}"
                ) from error
            raise
        return name

    def _resolve(self, release: str, installer: Uv | Pip) -> str:
        """The text of the release's own lock: the given one, extended by what the packages need."""
        if not self._recipe.packages:
            return extend_lock(self._recipe.pins, [])
        requirements, constraints = os.path.join(release, "requirements.in"), os.path.join(release, "constraints.txt")
        write_file(requirements, "".join(f"{package}\n" for package in self._recipe.packages))
        write_file(constraints, "".join(f"{pin.constraint}\n" for pin in self._recipe.pins))
        return extend_lock(self._recipe.pins, parse_lock(installer.resolve(release, requirements, constraints)))

    def _compile(self, release: str) -> None:
        """Compiles the packages to byte code, by an interpreter in which none of them can run code.

        Packages hold files for other Pythons, and templates that only look like Python: those may fail.
        """
        compile_files = [self._interpreter.path, "-I", "-S", "-m", "compileall", "-qq"]
        self._programs.run_on_files(
            compile_files, _python_files(site_packages(release)), _COMPILED_AT_ONCE, "compileall", release, check=False
        )


def _python_files(directory: str) -> Iterator[str]:
    for folder, _folders, names in os.walk(directory):
        yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))


def _path(release: str) -> str:
    return f"{release}/bin:{SYSTEM_PATH}"


def _named(release: str, what: str, commands: list[list[str]]) -> Commands:
    """Commands with what messages call them. A relative program is one of the release's."""
    return [
        (f"{what} `{' '.join(command)}`", [os.path.join(release, command[0]), *command[1:]]) for command in commands
    ]
