"""The module python_release as the jupyterlab role calls it, timed on the target without Ansible's way there."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import replace

import bench_host
from figure import RATIO, Figure
from rounds import ratio


def measure() -> Iterator[Figure]:
    bench_host.renew()
    modules = replace(bench_host.LAB, playbook=bench_host.BENCHMARKS / "venv.yml")
    bench_host.play("venv", modules, ANSIBLE_KEEP_REMOTE_FILES="1")
    script = (bench_host.BENCHMARKS / "on_target/venv.py").read_text()
    times = json.loads(bench_host.as_root("venv-times", "python3 -", script))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    beyond = statistics.median(ours - empty for ours, empty in zip(times["unchanged"], times["ping"], strict=True))
    yield Figure("release unchanged: python_release on the target", medians["unchanged"], "s")
    yield Figure("release unchanged: beyond an empty module", beyond, "s", most=0.1)
    yield Figure("release built: python_release", medians["build"], "s")
    yield Figure("release built: uv venv, uv pip sync of the same lock", medians["plain"], "s")
    yield Figure("release built: python_release / uv", ratio(times["build"], times["plain"]), RATIO, most=1.6)
