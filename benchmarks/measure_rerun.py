"""The playbook once more on a host that is already as it says."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator

import bench_host
from figure import Figure

RUNS = 3
MODULE_LOG = bench_host.LOGS / "bench-rerun-modules.log"
COUNTING = {
    "ANSIBLE_CALLBACK_PLUGINS": str(bench_host.BENCHMARKS / "callback_plugins"),
    "ANSIBLE_CALLBACKS_ENABLED": "module_executions,ansible.posix.profile_tasks",
    "BENCH_MODULE_LOG": str(MODULE_LOG),
}


def measure() -> Iterator[Figure]:
    bench_host.deployed()
    times, changed = [], 0
    for number in range(1, RUNS + 1):
        start = time.monotonic()
        output = bench_host.play(f"rerun-{number}", **COUNTING)
        times.append(time.monotonic() - start)
        changed += sum(map(int, re.findall(r"\bchanged=(\d+)", output)))
    executions = len(MODULE_LOG.read_text().splitlines())
    yield Figure(f"unchanged run: changed tasks in {RUNS} runs", changed, target=0)
    yield Figure("unchanged run: module executions on the target", executions, target=25)
    yield Figure("unchanged run: wall time", statistics.median(times), "s", target=8)
