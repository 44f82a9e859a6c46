"""What runs every day, status and backup of a host where nothing changed; and what nobody wants to need, a restore."""

from __future__ import annotations

import pathlib
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace

import bench_host
import yaml
from bench_host import HUB, LAB, Cost, Deployment
from figure import RATIO, Figure
from measure_rerun import PINGS, pings
from rounds import in_turn, ratio

ROUNDS, FEW_PINGS = 5, 5
STATUS = "status"
BACKUP = replace(
    LAB, playbook="nbops.jupyter.backup", variables=(*LAB.variables, bench_host.BENCHMARKS / "lifecycle.yml")
)
PEOPLE = (*HUB.variables, bench_host.BENCHMARKS / "restore.yml")
REPOSITORY = "/srv/backup"
# What people of a course have, a megabyte each in ten files.
HOMES = """
for home in /home/*; do
  install --directory --owner ${home##*/} $home/course
  for number in $(seq 10); do head --bytes=100K /dev/urandom >$home/course/$number; done
done
"""
# A task and its seconds, as the callback profile_tasks lists them at the end.
TASK = re.compile(r"(?m)^(?:nbops\.jupyter\.)?\w+ : (.+?) -{2,} ([0-9.]+)s$")
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
    yield from restore_figures()


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


def restore_figures() -> Iterator[Figure]:
    """A hub that comes back on a fresh host from the repository of the one before."""
    bench_host.renew()
    bench_host.ansible("lifecycle-hub", Deployment("nbops.jupyter.jupyterhub", PEOPLE))
    bench_host.ansible("lifecycle-backup", Deployment("nbops.jupyter.backup", PEOPLE))
    bench_host.as_root("lifecycle-homes", "bash", HOMES)
    _backup()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench_host.podman("cp", f"{bench_host.NAME}:{REPOSITORY}", directory)
        bench_host.renew()
        bench_host.podman("cp", f"{directory}/{pathlib.PurePath(REPOSITORY).name}", f"{bench_host.NAME}:/srv")
    start = time.monotonic()
    output = bench_host.play(
        "lifecycle-restore", Deployment("nbops.jupyter.restore", PEOPLE), PROFILE_TASKS_TASK_OUTPUT_LIMIT="all"
    )
    seconds, of_apt = time.monotonic() - start, apt_seconds(output)
    yield Figure("restore of a hub with 50 people", seconds, "s")
    yield Figure("restore of a hub with 50 people, beside apt", seconds - of_apt, "s", most=120)


def apt_seconds(output: str) -> float:
    """Seconds of the tasks that install packages of the system, by the end of the output of ansible-playbook."""
    files = (bench_host.ROOT / "roles").glob("*/tasks/*.yml")
    tasks = [task for file in files for task in yaml.safe_load(file.read_text())]
    names = {task["name"] for task in tasks if "nbops.jupyter.packages" in task}
    return sum(float(seconds) for name, seconds in TASK.findall(output) if name in names)
