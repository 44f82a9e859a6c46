# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the environment that users' servers get: what they must be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ONE_LINE

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OF_THE_HUB = re.compile(r"(JUPYTERHUB|JPY)_.*|HOME|USER|SHELL")


def problems(where: str, variables: Mapping) -> Iterator[str]:
    """What is wrong with some variables, each after the words `where`, with the rule; never a value."""
    for name, value in variables.items():
        if not VARIABLE.fullmatch(str(name)) or OF_THE_HUB.fullmatch(str(name)):
            yield (
                f"{where}: '{name}' must be a name of letters, digits and underscores that is not the "
                "hub's own (JUPYTERHUB_…, HOME, USER, SHELL)."
            )
        if not isinstance(value, str) or not ONE_LINE.fullmatch(value):
            yield f"{where}: {name} must be a text of one line; put numbers and booleans in quotes."
