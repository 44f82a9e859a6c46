# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run on a host without Ansible, from the collection's own modules."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable
from types import ModuleType

from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles


def write_program(files: ManagedFiles, path: str, text: str, modules: Iterable[ModuleType]) -> None:
    """Writes a program, and beside it the modules that it imports, by their own names. Raises OSError.

    Python looks for what a program imports in the directory of the program.
    """
    for module in modules:
        name = module.__name__.replace(".", "/")
        files.write(os.path.join(os.path.dirname(path), f"{name}.py"), inspect.getsource(module), 0o644)
    files.write(path, text, 0o644)
