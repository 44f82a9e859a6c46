# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is inside a virtual environment, and what this collection adds to one."""

from __future__ import annotations

import glob
import os

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import normalise_name

# Python finds packages of an overlay first in the overlay, then in the user's directory, the release, and the system. A
# package that a user upgraded must win over the release's, or what was installed on top of the upgrade would break. The
# site module reads this file in the overlay's own directory, and adds the user's directory and those of its PREFIXES
# afterwards, in this order. It reads the file twice.
_OVERLAY_PATHS = "import site; {prefix!r} in site.PREFIXES or site.PREFIXES.insert(0, {prefix!r})\n"
_OVERLAY_PIP = '#!/bin/sh\nexec {python} -m pip "$@"\n'


def python_of(prefix: str) -> str:
    """The interpreter of a virtual environment."""
    return os.path.join(prefix, "bin", "python")


def host_python(prefix: str) -> str | None:
    """The interpreter of the host that a virtual environment links to; None where it has one of its own.

    Foreign code may have put its own program in the place of the link, which root must not run.
    """
    program = os.path.realpath(python_of(prefix))
    inside = os.path.realpath(prefix)
    return None if os.path.commonpath([inside, program]) == inside else program


def site_packages(prefix: str) -> str:
    """The directory of the packages of a virtual environment that exists."""
    found = glob.glob(os.path.join(glob.escape(prefix), "lib", "python*", "site-packages"))
    if not found:
        raise FileNotFoundError(f"{prefix} has no directory for packages")
    return found[0]


def installed_packages(prefix: str) -> dict[str, str]:
    """Version by name of what is installed in a virtual environment."""
    suffix = ".dist-info"
    names = [name[: -len(suffix)] for name in os.listdir(site_packages(prefix)) if name.endswith(suffix)]
    return {normalise_name(name): version for name, _dash, version in (name.partition("-") for name in names)}


def write_file(path: str, text: str, mode: int = 0o644) -> None:
    """Writes a new file. Never one that is there: foreign code may have left a link in its place."""
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
        os.chmod(path, mode)


def make_overlay(prefix: str) -> None:
    """Makes `overlay/`, a second prefix that finds the packages of the first one and those of its user.

    The first one's interpreter does not find the user's. `overlay/bin/pip` exists if the first one has pip.
    """
    overlay = os.path.join(prefix, "overlay")
    overlay_packages = os.path.join(overlay, os.path.relpath(site_packages(prefix), prefix))
    programs = os.path.dirname(python_of(overlay))
    os.makedirs(overlay_packages)
    os.makedirs(programs)
    with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as file:
        settings = dict(line.split(" = ", 1) for line in file.read().splitlines() if " = " in line)
    write_file(os.path.join(overlay, "pyvenv.cfg"), f"home = {settings['home']}\ninclude-system-site-packages = true\n")
    write_file(os.path.join(overlay_packages, "release.pth"), _OVERLAY_PATHS.format(prefix=prefix))
    os.symlink("../../bin/python", os.path.join(programs, "python"))
    os.symlink("python", os.path.join(programs, "python3"))
    if "pip" in installed_packages(prefix):
        write_file(os.path.join(programs, "pip"), _OVERLAY_PIP.format(python=python_of(overlay)), 0o755)
        os.symlink("pip", os.path.join(programs, "pip3"))
