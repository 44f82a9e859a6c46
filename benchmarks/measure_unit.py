"""The running server: how closed its unit is, how soon it answers, how much memory it holds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator

import bench_host
from figure import Figure

UNIT = "jupyterlab-lab.service"
SOCKET = "/run/jupyterlab/lab.sock"


def measure() -> Iterator[Figure]:
    bench_host.deploy_lab()
    script = (bench_host.BENCHMARKS / "on_target/unit.py").read_text()
    measured = json.loads(bench_host.as_root("unit", f"python3 - {UNIT} {SOCKET}", script))
    yield Figure("systemd-analyze security, exposure of the unit", measured["exposure"], most=1.5)
    yield Figure("start of the unit to its login page", statistics.median(measured["seconds"]), "s", most=3)
    yield Figure("resident memory of the idle server", statistics.median(measured["resident_mb"]), "MB", most=100)
