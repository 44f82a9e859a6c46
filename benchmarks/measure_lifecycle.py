"""What runs every day: the status of a host where nothing changed, and a backup of homes in which nothing changed."""

from __future__ import annotations

import pathlib
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace

import bench_host
from bench_host import LAB, Cost
from figure import RATIO, Figure
from measure_rerun import PINGS, pings
from rounds import in_turn, ratio

ROUNDS, FEW_PINGS = 5, 5
STATUS = "status"
BACKUP = replace(
    LAB, playbook="nbops.jupyter.backup", variables=(*LAB.variables, bench_host.BENCHMARKS / "lifecycle.yml")
)
# Bytes that neither compress nor repeat, in as many files as a person has.
HOME = """
install --directory --owner alice --group alice /home/alice/data
for number in $(seq 1000); do head --bytes=1M /dev/urandom >/home/alice/data/$number; done
"""


def measure() -> Iterator[Figure]:
    bench_host.deploy_lab()
    yield from status_figures()
    bench_host.ansible("lifecycle-backup", BACKUP)
    bench_host.as_root("lifecycle-homes", "bash", HOME)
    first, *later = [_backup() for _time in range(1 + ROUNDS)]
    yield Figure("backup of 1 GB of homes: the first", first, "s")
    yield Figure("backup of 1 GB of homes: unchanged", statistics.median(later), "s", most=10)


def status_figures() -> Iterator[Figure]:
    """The status in turn with a few pings, over one open connection."""
    with bench_host.own_connections() as connections, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        playbook = pathlib.Path(directory, "pings.yml")
        playbook.write_text(pings(FEW_PINGS))
        ways = {STATUS: replace(LAB, playbook="nbops.jupyter.status"), PINGS: replace(LAB, playbook=playbook)}
        changed = bench_host.changed_tasks(bench_host.ansible("lifecycle-status", ways[STATUS], **connections))

        def cost(name: str) -> Cost:
            return bench_host.cost_of(lambda: bench_host.ansible(f"lifecycle-{name}", ways[name], **connections))

        costs = in_turn({name: lambda name=name: cost(name) for name in ways}, ROUNDS)
    seconds = {way: [cost.seconds for cost in costs[way]] for way in costs}
    yield Figure("status, unchanged: changed tasks", changed, most=0)
    yield Figure(f"status, unchanged / {FEW_PINGS} pings", ratio(seconds[STATUS], seconds[PINGS]), RATIO, most=1.3)


def _backup() -> float:
    """Seconds until the service of backups has ended."""
    return bench_host.cost_of(
        lambda: bench_host.as_root("lifecycle-backup", "systemctl start nbops-backup.service", "")
    ).seconds
