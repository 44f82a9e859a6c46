# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways to make a virtual environment from a lock: uv and pip. Their methods raise BuildError."""

from __future__ import annotations

import json
import os

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import parse_lock
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import PackageSource
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.tools import provide_uv, release_tools, uv_program
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.venv import (
    installed_packages,
    python_of,
    site_packages,
)


class Uv:
    """Builds with a pinned uv, which it fetches where this machine does not have it yet."""

    def __init__(self, programs: Programs, source: PackageSource, lock: str) -> None:
        self._programs = programs
        self._environment = source.environment()
        self._options = source.uv_options
        self._lock = lock
        self._version = next((pin.version for pin in parse_lock(lock) if pin.name == "uv"), "")
        if not self._version:
            raise ValueError("uv_lock does not pin uv")

    def _run(self, *arguments: str) -> None:
        what = " ".join(["uv", *arguments[:2]])
        self._programs.run([uv_program(self._version), *arguments], what, self._environment)

    def prepare(self, application: str) -> None:
        """Makes ready for builds of the application at a path."""
        provide_uv(application, self._version, self._lock, self._programs, self._environment)

    def create(self, release: str, python: str) -> None:
        """Makes an empty virtual environment."""
        self._run("venv", "--quiet", "--no-project", "--python", python, release)

    def resolve(self, release: str, requirements: str, constraints: str) -> str:
        """The text of a lock, with hashes, of the requirements in a file under the constraints in another."""
        resolved = os.path.join(release, "resolved.txt")
        arguments = ["--quiet", "--python", python_of(release), "--generate-hashes", "--no-header", "--no-annotate"]
        arguments += ["--constraints", constraints, "--output-file", resolved]
        self._run("pip", "compile", *arguments, *self._options, requirements)
        with open(resolved, encoding="utf-8") as file:
            text = file.read()
        os.unlink(resolved)
        return text

    def install(self, release: str, lock: str) -> None:
        """Fills the virtual environment with the packages of a lock file, byte-compiled."""
        arguments = ["--quiet", "--python", python_of(release), "--require-hashes", "--compile-bytecode"]
        self._run("pip", "sync", *arguments, *self._options, lock)

    def clean(self) -> None:
        """Empties the cache, which otherwise only grows; uv waits for those that are using it."""
        clean = [uv_program(self._version), "cache", "clean", "--quiet"]
        if os.path.isfile(clean[0]):
            self._programs.run(clean, "uv cache clean", self._environment, check=False)


class Pip:
    """Builds with the pip that the interpreter's own venv module brings."""

    def __init__(self, programs: Programs, source: PackageSource) -> None:
        self._programs = programs
        self._environment = source.environment()

    def _run(self, python: str, *arguments: str) -> None:
        self._programs.run([python, "-m", *arguments], " ".join(arguments[:2]), self._environment)

    def prepare(self, application: str) -> None:
        """Makes ready for builds of the application at a path."""
        release_tools(application)

    def create(self, release: str, python: str) -> None:
        """Makes a virtual environment with nothing but pip, and what that needs, in it."""
        self._run(python, "venv", release)

    def resolve(self, release: str, requirements: str, constraints: str) -> str:
        """The text of a lock, with hashes, of the requirements in a file under the constraints in another."""
        report = os.path.join(release, "report.json")
        arguments = ["--quiet", "--dry-run", "--ignore-installed", "--report", report]
        arguments += ["--constraint", constraints, "--requirement", requirements]
        self._run(python_of(release), "pip", "install", *arguments)
        with open(report, encoding="utf-8") as file:
            items = json.load(file)["install"]
        os.unlink(report)
        return "".join(f"{_pin(item)}\n" for item in items)

    def install(self, release: str, lock: str) -> None:
        """Fills the virtual environment with the packages of a lock file and no others, byte-compiled."""
        python = python_of(release)
        arguments = ["--quiet", "--require-hashes", "--no-deps", "--no-compile", "--requirement", lock]
        self._run(python, "pip", "install", *arguments)
        with open(lock, encoding="utf-8") as file:
            locked = {pin.name for pin in parse_lock(file.read())}
        brought_along = sorted(installed_packages(release).keys() - locked)
        if brought_along:
            self._run(python, "pip", "uninstall", "--quiet", "--yes", *brought_along)
        # Packages hold files for other Pythons, and templates that only look like Python: those may fail.
        compile_all = [python, "-m", "compileall", "-qq", "-j", "0", site_packages(release)]
        self._programs.run(compile_all, "compileall", self._environment, check=False)

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
