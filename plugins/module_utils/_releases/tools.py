# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv and its cache, shared by the applications of a machine and gone with the last of them.

`apps/` holds a link to every application that uses them.
"""

from __future__ import annotations

import glob
import os
import shutil

from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import alone, lock_of
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs

ROOT = "/opt/python_venv"
CACHE = f"{ROOT}/cache"

_DEBIAN_PIP = "/usr/share/python-wheels/pip-*.whl"


def uv_program(version: str) -> str:
    """The path of a version of uv, there or not."""
    return os.path.join(ROOT, "uv", version, "bin", "uv")


def provide_uv(application: str, version: str, lock: str, programs: Programs, environment: dict[str, str]) -> None:
    """Notes that the application at a path uses uv, and fetches the version that the text of a lock pins.

    Raises BuildError where it cannot be fetched.
    """
    with alone(lock_of(ROOT)) as lock_of_tools, programs.keeping(lock_of_tools):
        os.makedirs(CACHE, mode=0o700, exist_ok=True)  # it may remember addresses with credentials
        link = _link(application)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if not os.path.islink(link):
            os.symlink(application, link)
        if not os.path.isfile(uv_program(version)):
            _fetch_uv(version, lock, programs, environment)


def _fetch_uv(version: str, lock: str, programs: Programs, environment: dict[str, str]) -> None:
    wheels = sorted(glob.glob(_DEBIAN_PIP))
    if not wheels:
        raise BuildError("uv cannot be fetched: install the package python3-pip-whl, or choose the installer pip")
    versions = os.path.join(ROOT, "uv")
    new = os.path.join(versions, "new")
    shutil.rmtree(versions, ignore_errors=True)  # an older one, or the leftovers of an interruption
    os.makedirs(new)
    with open(os.path.join(new, "uv.txt"), "w", encoding="utf-8") as file:
        file.write(lock)
    # A wheel is a program to Python: this is pip without an installed pip.
    pip = ["/usr/bin/python3", os.path.join(wheels[-1], "pip"), "install", "--require-hashes", "--no-deps"]
    pip += ["--only-binary", ":all:", "--no-compile", "--target", new, "--requirement", file.name]
    programs.run(pip, f"fetching uv {version}", environment)
    os.rename(new, os.path.join(versions, version))


def release_tools(application: str) -> None:
    """Notes that the application does not use the shared tools any more, and removes them after the last that did."""
    with alone(lock_of(ROOT)):
        if not os.path.isdir(ROOT):
            return
        links = glob.glob(os.path.join(ROOT, "apps", "*"))
        for link in links:
            if link == _link(application) or not os.path.isdir(link):
                os.unlink(link)
        if not any(os.path.islink(link) for link in links):
            shutil.rmtree(ROOT)


def _link(application: str) -> str:
    return os.path.join(ROOT, "apps", application.strip("/").replace("%", "%25").replace("/", "%2F"))
