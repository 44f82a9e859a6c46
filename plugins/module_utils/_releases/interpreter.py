# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python interpreter is, asked in some 15 ms."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

_QUESTION = "import sys; print(sys.implementation.name, '%d.%d.%d' % sys.version_info[:3])"


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that starts; `version` is the full one, such as 3.11.2."""

    path: str
    implementation: str
    version: str

    @property
    def minor(self) -> str:
        """The part of the version that decides whether installed packages fit, such as 3.11."""
        return ".".join(self.version.split(".")[:2])

    @property
    def tag(self) -> str:
        """Implementation and minor version, such as cpython-3.11."""
        return f"{self.implementation}-{self.minor}"

    def at_least(self, floor: str) -> bool:
        """Whether the version is not below `floor`, such as 3.10."""
        return _key(self.version) >= _key(floor)

    def marker_environment(self) -> dict[str, str]:
        """The variables of environment markers on this machine."""
        system = os.uname()
        return {
            "implementation_name": self.implementation,
            "implementation_version": self.version,
            "os_name": "posix",
            "platform_machine": system.machine,
            "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(self.implementation, ""),
            "platform_release": system.release,
            "platform_system": system.sysname,
            "python_full_version": self.version,
            "python_version": self.minor,
            "sys_platform": "linux",
        }


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def probe(run_command: Callable[..., tuple[int, str, str]], path: str) -> Interpreter | None:
    """The interpreter at a path, asked by an AnsibleModule's `run_command`; None where there is none that starts.

    Raises OSError where the machine could start nothing at all.
    """
    try:
        status, answer, _error = run_command([path, "-I", "-S", "-c", _QUESTION], handle_exceptions=False)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.ENOMEM):
            raise
        return None
    implementation, _space, version = answer.strip().partition(" ")
    return Interpreter(path, implementation, version) if status == 0 and version else None
