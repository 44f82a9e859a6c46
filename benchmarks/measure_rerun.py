"""The playbook once more on a host that is already as it says."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator

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
    yield from unchanged("unchanged run", bench_host.play, executions=25, seconds=8)


def unchanged(name: str, play: Callable[..., str], executions: int, seconds: float) -> Iterator[Figure]:
    """What `play`, which takes the name of a log and an environment, costs where there is nothing to do."""
    times, changed = [], 0
    for number in range(1, RUNS + 1):
        start = time.monotonic()
        output = play(f"rerun-{number}", **COUNTING)
        times.append(time.monotonic() - start)
        changed += sum(map(int, re.findall(r"\bchanged=(\d+)", output)))
    counted = len(MODULE_LOG.read_text().splitlines())
    yield Figure(f"{name}: changed tasks in {RUNS} runs", changed, target=0)
    yield Figure(f"{name}: module executions on the target", counted, target=executions)
    yield Figure(f"{name}: wall time", statistics.median(times), "s", target=seconds)
