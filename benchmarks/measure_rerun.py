"""The playbooks of a lab and of a hub, run again with nothing to do, against as many pings as they run modules."""

from __future__ import annotations

import json
import pathlib
import re
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

import bench_host
from bench_host import Cost, Deployment
from figure import RATIO, Figure
from rounds import in_turn, ratio

ROUNDS = 5
MODULE_LOG = bench_host.LOGS / "bench-modules.log"
COUNTING = {
    "ANSIBLE_CALLBACK_PLUGINS": str(bench_host.BENCHMARKS / "callback_plugins"),
    "ANSIBLE_CALLBACKS_ENABLED": "module_executions",
    "BENCH_MODULE_LOG": str(MODULE_LOG),
}
OURS, PINGS = "playbook", "pings"


@dataclass(frozen=True)
class Counts:
    """What a run of a playbook consists of."""

    tasks: int
    module_executions: int
    changed: int


def counts(output: str, module_log: str) -> Counts:
    """Read them from the output of ansible-playbook and from the log of the callback module_executions."""
    return Counts(
        tasks=len(re.findall(r"^(?:TASK|RUNNING HANDLER) \[", output, re.MULTILINE)),
        module_executions=sum(not line.startswith("localhost\t") for line in module_log.splitlines()),
        changed=bench_host.changed_tasks(output),
    )


def pings(number: int) -> str:
    """A playbook of `number` tasks, each of which runs the module ping as root."""
    tasks = [{"name": f"Ping {task}", "ansible.builtin.ping": {}} for task in range(1, number + 1)]
    play = {"name": "Ping", "hosts": "instances", "become": True, "gather_facts": False, "tasks": tasks}
    return json.dumps([play])


def count(deployment: Deployment, **connections: str) -> Counts:
    output = bench_host.ansible("rerun-count", deployment, **connections, **COUNTING)
    return counts(output, MODULE_LOG.read_text())


def compare(deployment: Deployment) -> tuple[Counts, dict[str, list[Cost]]]:
    """The counts of an unchanged run, and the costs of such runs and of as many pings, over one open connection."""
    with bench_host.own_connections() as connections, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        counted = count(deployment, **connections)  # opens the connection
        playbook = pathlib.Path(directory, "pings.yml")
        playbook.write_text(pings(counted.module_executions))
        ways = {OURS: deployment, PINGS: replace(deployment, playbook=playbook)}

        def cost(name: str) -> Cost:
            return bench_host.cost_of(lambda: bench_host.ansible(f"rerun-{name}", ways[name], **connections))

        costs = in_turn({name: lambda name=name: cost(name) for name in ways}, ROUNDS)
        return counted, costs


def figures(name: str, counted: Counts, costs: dict[str, list[Cost]], executions: int) -> Iterator[Figure]:
    seconds = {way: [cost.seconds for cost in costs[way]] for way in costs}
    processor = {way: [cost.processor_seconds for cost in costs[way]] for way in costs}
    yield Figure(f"{name}, unchanged: changed tasks", counted.changed, most=0)
    yield Figure(f"{name}, unchanged: tasks", counted.tasks)
    yield Figure(f"{name}, unchanged: module executions on the target", counted.module_executions, most=executions)
    yield Figure(f"{name}, unchanged: wall time", statistics.median(seconds[OURS]), "s")
    yield Figure(f"{name}, unchanged: processor time of the controller", statistics.median(processor[OURS]), "s")
    yield Figure(f"{name}, unchanged / pings: wall time", ratio(seconds[OURS], seconds[PINGS]), RATIO, most=2)
    yield Figure(f"{name}, unchanged / pings: processor time", ratio(processor[OURS], processor[PINGS]), RATIO, most=3)


def measure() -> Iterator[Figure]:
    bench_host.deploy_lab()
    yield from figures("lab", *compare(bench_host.LAB), executions=25)
    bench_host.deploy(bench_host.HUB)
    yield from figures("hub", *compare(bench_host.HUB), executions=40)
