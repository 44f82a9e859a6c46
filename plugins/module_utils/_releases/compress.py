# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed copies of files, `.gz` and `.br` beside them, for a web server that sends them in the files' place."""

from __future__ import annotations

import concurrent.futures
import gzip
import os
import shutil
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import (
    CORES,
    SYSTEM_PATH,
    BuildError,
    Programs,
)

_SUFFIXES = (".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".wasm", ".xml")
_LEAST = 300  # bytes: what is smaller travels in one packet with its headers either way
_LOWEST_PRIORITY = 19
# Files of one brotli: enough to make its start cheap, few enough to keep all cores busy to the end.
_AT_ONCE = 8
# What a first visit to JupyterLab loads has 4.91 MB, by gzip at 6 or 9 1.30 MB, by brotli at 5 1.17 MB, at 6 1.16, at 9
# 1.13 and at 11 1.04. All files of JupyterLab take one core 0.4 s at 6, 3 s at 9, and 19 s at 11, which would save a
# visitor with 30 Mbit/s 30 ms.
_GZIP = 6
_BROTLI = ["brotli", "--quality=6", "--keep"]


def is_inside(directory: str) -> bool:
    """Whether a relative path cannot lead out of where it starts."""
    return not os.path.isabs(directory) and os.pardir not in directory.split("/")


def compress(release: str, directories: list[str], programs: Programs) -> None:
    """Adds the copies below directories, relative to the release, where they are smaller than the files.

    A copy has the times and the mode of its file; the same file has the same copy. One that is there already stays.

    Raises BuildError where a directory is missing, or the program brotli.
    """
    if not directories:
        return
    files = []
    for directory in directories:
        if not os.path.isdir(os.path.join(release, directory)):
            raise BuildError(f"there is no directory {directory} in the release, so nothing of it can be compressed")
        files += _compressible(os.path.join(release, directory))
    if not shutil.which(_BROTLI[0], path=SYSTEM_PATH):
        raise BuildError("files cannot be compressed: install the package brotli")
    # On Linux each thread has a priority of its own.
    with concurrent.futures.ThreadPoolExecutor(CORES, initializer=os.nice, initargs=[_LOWEST_PRIORITY]) as threads:
        for dummy in threads.map(_gzip, _without_copy(files, ".gz")):
            pass
    _brotli(release, list(_without_copy(files, ".br")), programs)


def _compressible(directory: str) -> Iterator[str]:
    for folder, _folders, names in os.walk(directory):
        for path in (os.path.join(folder, name) for name in names if name.endswith(_SUFFIXES)):
            if not os.path.islink(path) and os.path.getsize(path) >= _LEAST:
                yield path


def _without_copy(files: list[str], suffix: str) -> Iterator[str]:
    return (path for path in files if not os.path.exists(path + suffix))


def _gzip(path: str) -> None:
    with open(path, "rb") as file:
        data = file.read()
    packed = gzip.compress(data, _GZIP, mtime=0)  # a copy that knows when it was made would be another one each time
    if len(packed) < len(data):
        with open(path + ".gz", "xb") as file:
            file.write(packed)
        shutil.copystat(path, path + ".gz")


def _brotli(release: str, files: list[str], programs: Programs) -> None:
    nice = ["nice", f"--adjustment={_LOWEST_PRIORITY}"]
    programs.run_on_files([*nice, *_BROTLI], files, _AT_ONCE, "brotli", release)
    for path in files:
        if os.path.getsize(path + ".br") >= os.path.getsize(path):
            os.unlink(path + ".br")
