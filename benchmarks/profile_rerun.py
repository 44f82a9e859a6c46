"""Where the controller's processor time goes in an unchanged run.

The profiler itself takes time: compare the seconds with each other, not with those of `script/bench rerun`.
"""

from __future__ import annotations

import json
import pathlib
import pstats
import tempfile
from collections import Counter

import bench_host
from bench_host import Deployment

TASKS = 20
FUNCTIONS = 40
SUFFIX = ".prof"


def seconds_of_tasks(profiles: list[pathlib.Path]) -> Counter[str]:
    """Seconds that the workers of each task took; the name of a profile is the worker's number and the task."""
    seconds: Counter[str] = Counter()
    for profile in profiles:
        seconds[profile.name.partition("-")[2].removesuffix(SUFFIX)] += pstats.Stats(str(profile)).total_tt
    return seconds


def report(directory: pathlib.Path) -> None:
    """Print what the callback worker_profiles left in a directory."""
    profiles = sorted(directory.glob(f"*{SUFFIX}"))
    usage = json.loads((directory / "usage.json").read_text())
    tasks = seconds_of_tasks(profiles)
    print(f"processor time, main process: {usage['main']:.2f} s")
    print(f"processor time, {len(profiles)} workers with their ssh: {usage['workers']:.2f} s\n")
    print(f"the {TASKS} costliest tasks")
    for task, seconds in tasks.most_common(TASKS):
        print(f"{seconds:8.2f} s  {task}")
    print(f"\nthe {FUNCTIONS} costliest functions of all workers together, with what they call\n")
    functions = pstats.Stats(*map(str, profiles))
    functions.files.clear()  # print_stats would list every profile
    functions.sort_stats(pstats.SortKey.CUMULATIVE).print_stats(FUNCTIONS)


def profile(deployment: Deployment) -> None:
    with bench_host.own_connections() as connections, tempfile.TemporaryDirectory(prefix="bench-") as directory:
        bench_host.ansible("profile-connect", deployment, **connections)
        settings = {
            "ANSIBLE_CALLBACK_PLUGINS": str(bench_host.BENCHMARKS / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "worker_profiles",
            "BENCH_PROFILES": directory,
        }
        bench_host.ansible("profile", deployment, **connections, **settings)
        report(pathlib.Path(directory))


def run() -> None:
    for name, deployment in (("lab", bench_host.LAB), ("hub", bench_host.HUB)):
        bench_host.deploy(deployment)
        print(f"unchanged run of the {name}\n")
        profile(deployment)
