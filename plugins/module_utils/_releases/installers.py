# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways to make a virtual environment from a lock: uv and pip. Their methods raise BuildError."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.foreign import ForeignCode
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import extend_lock, parse_lock
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import WHEELHOUSE, PackageSource
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.tools import provide_uv, release_tools, uv_program
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.venv import (
    installed_packages,
    python_of,
    write_file,
)

_ONLY_WHEELS = ("--only-binary", ":all:")
# What uv and pip say where packages are for other versions of Python.
OTHER_PYTHON = re.compile("matching Python ABI tag|does not satisfy Python|require a different python version")
_NO_WHEEL = re.compile("no usable wheels|--no-build|No matching distribution")


class _Installer:
    """What both installers share. Packages come as wheels, whose installation runs none of their code.

    Those that are named as source packages are built from their source, by code of theirs and of their build tools: in
    a sandbox, without the cache that releases share.
    """

    def __init__(self, programs: Programs, source: PackageSource, source_packages: Sequence[str] = ()) -> None:
        self._programs = programs
        self._environment = source.environment()
        self._source = source
        self._source_packages = source_packages

    @property
    def _builds(self) -> tuple[str, ...]:
        """Options of the resolver. uv and pip can except a package from wheels only by forbidding its wheels.

        So where a package is named, the resolver may build any, in the sandbox; the installation refuses the others.
        """
        return () if self._source_packages else _ONLY_WHEELS

    def _fetch(self, what: str, argv: list[str]) -> None:
        """Runs an installer that takes only wheels."""
        try:
            self._programs.run(argv, what, self._environment)
        except BuildError as error:
            # For another Python, a build from the source would hardly go well.
            if OTHER_PYTHON.search(str(error)) or not _NO_WHEEL.search(str(error)):
                raise
            raise BuildError(
                f"{error}\nOnly wheels are installed. A package that has none is built from its source where "
                "python_venv_source_packages names it."
            ) from error

    def _resolve(self, release: str, what: str, asking: Callable[[str], list[str]]) -> str:
        """The text that an installer writes into a file; it may build packages to learn what they need."""
        if self._source_packages:
            foreign, online, environment, shown = self._foreign(release)
            return foreign.answer(what, asking, environment, online, shown)
        path = os.path.join(release, "answer.txt")
        self._fetch(what, asking(path))
        with open(path, encoding="utf-8") as file:
            text = file.read()
        os.unlink(path)
        return text

    def _build(self, release: str, what: str, argv: list[str]) -> None:
        """Runs an installer that may build packages, and puts them into a release."""
        foreign, online, environment, shown = self._foreign(release)
        foreign.change([(what, argv)], environment, online, shown)

    def _foreign(self, release: str) -> tuple[ForeignCode, PackageSource | None, dict[str, str], list[str]]:
        """How builds run: where, with which source of packages online, environment, and directories to see."""
        foreign, wheelhouse = ForeignCode(self._programs, release), self._source.wheelhouse
        environment = {name: value for name, value in self._environment.items() if name != "UV_CACHE_DIR"}
        if not wheelhouse:
            return foreign, self._source, environment, []
        environment = {name: WHEELHOUSE if value == wheelhouse else value for name, value in environment.items()}
        return foreign, None, environment, self._source.shown

    def _install(self, release: str, lock: str, what: str, argv: list[str]) -> set[str]:
        """Runs an installer for a lock file, first for packages that come as wheels; returns the names of all."""
        with open(lock, encoding="utf-8") as file:
            pins = parse_lock(file.read())
        built = [pin for pin in pins if pin.name in self._source_packages]
        part = os.path.join(release, "part.txt")
        if len(built) < len(pins):
            write_file(part, extend_lock([pin for pin in pins if pin not in built], []))
            self._fetch(what, [*argv, *_ONLY_WHEELS, "--requirement", part])
            os.unlink(part)
        if built:
            write_file(part, extend_lock(built, []))
            self._build(release, what, [*argv, "--requirement", part])
            os.unlink(part)
        return {pin.name for pin in pins}


class Uv(_Installer):
    """Builds with a pinned uv, which it fetches where this machine does not have it yet."""

    def __init__(
        self, programs: Programs, source: PackageSource, lock: str, source_packages: Sequence[str] = ()
    ) -> None:
        super().__init__(programs, source, source_packages)
        self._lock = lock
        self._version = next((pin.version for pin in parse_lock(lock) if pin.name == "uv"), "")
        if not self._version:
            raise ValueError("uv_lock does not pin uv")

    def prepare(self, application: str) -> None:
        """Makes ready for builds of the application at a path."""
        provide_uv(application, self._version, self._lock, self._programs, self._environment)

    def create(self, release: str, python: str) -> None:
        """Makes an empty virtual environment."""
        arguments = ["venv", "--quiet", "--no-project", "--python", python, release]
        self._programs.run([uv_program(self._version), *arguments], "uv venv", self._environment)

    def resolve(self, release: str, requirements: str, constraints: str) -> str:
        """The text of a lock, with hashes, of the requirements in a file under the constraints in another."""
        arguments = ["--quiet", "--python", python_of(release), "--generate-hashes", "--no-header", "--no-annotate"]
        compile_lock = [uv_program(self._version), "pip", "compile", *arguments, "--constraints", constraints]
        compile_lock += [*self._builds, *self._source.uv_options, requirements]
        return self._resolve(release, "uv pip compile", lambda path: [*compile_lock, "--output-file", path])

    def install(self, release: str, lock: str) -> None:
        """Fills the virtual environment with the packages of a lock file.

        uv could compile them to byte code, by the environment's own interpreter, in which packages may run code.
        """
        install = [uv_program(self._version), "pip", "install", "--quiet", "--python", python_of(release)]
        install += ["--require-hashes", "--no-deps", *self._source.uv_options]
        self._install(release, lock, "uv pip install", install)

    def clean(self) -> None:
        """Empties the cache, which otherwise only grows; uv waits for those that are using it."""
        clean = [uv_program(self._version), "cache", "clean", "--quiet"]
        if os.path.isfile(clean[0]):
            self._programs.run(clean, "uv cache clean", self._environment, check=False)


class Pip(_Installer):
    """Builds with the pip that the interpreter's own venv module brings."""

    def prepare(self, application: str) -> None:
        """Makes ready for builds of the application at a path."""
        release_tools(application)

    def create(self, release: str, python: str) -> None:
        """Makes a virtual environment with nothing but pip, and what that needs, in it."""
        self._programs.run([python, "-m", "venv", release], "venv", self._environment)

    def resolve(self, release: str, requirements: str, constraints: str) -> str:
        """The text of a lock, with hashes, of the requirements in a file under the constraints in another."""
        pip = [python_of(release), "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        pip += [*self._builds, "--constraint", constraints, "--requirement", requirements]
        report = self._resolve(release, "pip install", lambda path: [*pip, "--report", path])
        return "".join(f"{_pin(item)}\n" for item in json.loads(report)["install"])

    def install(self, release: str, lock: str) -> None:
        """Fills the virtual environment with the packages of a lock file and no others."""
        pip = [python_of(release), "-m", "pip"]
        install = [*pip, "install", "--quiet", "--require-hashes", "--no-deps", "--no-compile"]
        locked = self._install(release, lock, "pip install", install)
        brought_along = sorted(installed_packages(release).keys() - locked)
        if brought_along:
            # Packages are there now that may run code whenever the interpreter starts.
            uninstall = [*pip, "uninstall", "--quiet", "--yes", *brought_along]
            ForeignCode(self._programs, release).change([("pip uninstall", uninstall)], self._environment)

    def clean(self) -> None:
        """Nothing is kept that could be emptied."""


def _pin(item: dict) -> str:
    """One entry of pip's installation report as a line of a lock."""
    pin = f"{item['metadata']['name']}=={item['metadata']['version']}"
    archive = item["download_info"]["archive_info"]
    hashes = dict(archive.get("hashes", {}))
    if "hash" in archive:  # pip before 23.1 knows only this form
        hashes.update([archive["hash"].split("=", 1)])
    if not hashes:
        raise BuildError(f"the index names no hash for {pin}, so pip cannot lock it: choose the installer uv")
    return f"{pin} " + " ".join(f"--hash={algorithm}:{digest}" for algorithm, digest in sorted(hashes.items()))
