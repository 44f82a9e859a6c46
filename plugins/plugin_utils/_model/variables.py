# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the environment that servers get: what they must be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ONE_LINE

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a server needs as it is, to be found, configured and itself.
OWN = re.compile(r"(JUPYTERHUB|JPY)_.*|JUPYTER_(CONFIG|RUNTIME)_DIR|HOME|SHELL|USER")


def problems(where: str, variables: Mapping) -> Iterator[str]:
    """What is wrong with some variables, each after the words `where`, with the rule; never a value."""
    for name, value in variables.items():
        if not VARIABLE.fullmatch(str(name)):
            yield f"{where}: '{name}' must be a name of letters, digits and underscores, such as OMP_NUM_THREADS."
        elif OWN.fullmatch(name):
            yield f"{where}: {name} is set by the server itself; leave it out."
        if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not ONE_LINE.fullmatch(str(value)):
            yield f"{where}: {name} must be a number or a text of one line; put true and false in quotes."


def texts(variables: Mapping) -> dict[str, str]:
    """The variables as a process gets them."""
    return {name: str(value) for name, value in variables.items()}
