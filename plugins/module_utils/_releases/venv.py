# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is inside a virtual environment, and what this collection adds to one."""

from __future__ import annotations

import glob
import os
import stat

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import normalise_name

# The packages of an overlay, first to last: its own, the user's, the release's, the system's. A package that a user
# upgraded has to win over the release's, or what was installed on top of the upgrade would break. `known_paths`, which
# a .pth file shares with the site module, keeps the user's directory from being added twice.
_OVERLAY_PATHS = (
    "import os, site, sys; known = sys._getframe(1).f_locals.get('known_paths'); user = site.getusersitepackages(); "
    "site.check_enableusersite() and os.path.isdir(user) and site.addsitedir(user, known); "
    "site.addsitedir({packages!r}, known)\n"
)
_OVERLAY_PIP = '#!/bin/sh\nexec {python} -m pip "$@"\n'


def python_of(prefix: str) -> str:
    """The interpreter of a virtual environment."""
    return os.path.join(prefix, "bin", "python")


def site_packages(prefix: str) -> str:
    """The directory of the packages of a virtual environment that exists."""
    return glob.glob(os.path.join(glob.escape(prefix), "lib", "python*", "site-packages"))[0]


def installed_packages(prefix: str) -> dict[str, str]:
    """Version by name of what is installed in a virtual environment."""
    suffix = ".dist-info"
    names = [name[: -len(suffix)] for name in os.listdir(site_packages(prefix)) if name.endswith(suffix)]
    return {normalise_name(name): version for name, _dash, version in (name.partition("-") for name in names)}


def write_file(path: str, text: str, mode: int = 0o644) -> None:
    """Writes a new file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        os.chmod(path, mode)


def make_overlay(prefix: str) -> None:
    """Makes `overlay/`, a second prefix that sees the packages of the first one and those of its user.

    The first one's interpreter does not see the latter. `overlay/bin/pip` is there where the first one has pip.
    """
    packages = site_packages(prefix)
    overlay = os.path.join(prefix, "overlay")
    overlay_packages = os.path.join(overlay, os.path.relpath(packages, prefix))
    programs = os.path.dirname(python_of(overlay))
    os.makedirs(overlay_packages)
    os.makedirs(programs)
    with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as file:
        settings = dict(line.split(" = ", 1) for line in file.read().splitlines() if " = " in line)
    write_file(os.path.join(overlay, "pyvenv.cfg"), f"home = {settings['home']}\ninclude-system-site-packages = true\n")
    write_file(os.path.join(overlay_packages, "release.pth"), _OVERLAY_PATHS.format(packages=packages))
    os.symlink("../../bin/python", os.path.join(programs, "python"))
    os.symlink("python", os.path.join(programs, "python3"))
    if "pip" in installed_packages(prefix):
        write_file(os.path.join(programs, "pip"), _OVERLAY_PIP.format(python=python_of(overlay)), 0o755)
        os.symlink("pip", os.path.join(programs, "pip3"))


def protect(prefix: str) -> int:
    """Leaves the permission to write with the owner alone, and returns the size of all files in bytes."""
    size = 0
    for folder, _folders, files in os.walk(prefix):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            status = os.lstat(path)
            if status.st_mode & 0o022 and not stat.S_ISLNK(status.st_mode):
                os.chmod(path, stat.S_IMODE(status.st_mode) & ~0o022)
            size += status.st_size
    return size
