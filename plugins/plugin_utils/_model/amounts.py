# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may use with all its kernels: amounts in systemd's words, large enough to live in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ansible_collections.nbops.jupyter.plugins.module_utils._systemd.memory import amount

LIMITS = ("memory_max", "cpu_quota", "tasks_max")
MEMORY = re.compile(r"([1-9][0-9]*[KMGT]?)?")
SHARE = re.compile(r"([1-9][0-9]*%)?")
# A server alone takes about 100 MiB and a dozen threads, a kernel as many threads again.
SMALLEST_MEMORY = 128 * 2**20
FEWEST_TASKS = 32


def amounts(limits: Mapping[str, object]) -> Iterator[str]:
    """What is wrong with the limits of a server, by the keys in `LIMITS`; what is missing or empty limits nothing."""
    memory, share, tasks = (str(limits.get(key, "")) for key in LIMITS)
    if not MEMORY.fullmatch(memory) or (memory and amount(memory) < SMALLEST_MEMORY):
        yield f"memory_max: '{memory}' must be an amount of at least 128M, such as 2G."
    if not SHARE.fullmatch(share):
        yield f"cpu_quota: '{share}' must be a share of processor time, such as 150% for one and a half processors."
    if tasks and (not re.fullmatch(r"[1-9][0-9]*", tasks) or int(tasks) < FEWEST_TASKS):
        yield f"tasks_max: '{tasks}' must be a number of processes and threads, at least {FEWEST_TASKS}, such as 500."
