"""The role certbot against a test authority: the first certificate, and what an unchanged run costs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import bench_host
from figure import RATIO, Figure
from measure_rerun import COUNTING, MODULE_LOG

HOSTS = {"MOLECULE_SCENARIO_NAME": "bench_certificates"}  # one under test, and one with the authority
PREPARE = bench_host.ROOT / "molecule/certbot/prepare.yml"
PLAYBOOK = bench_host.BENCHMARKS / "certificates.yml"


def run(name: str, *arguments: str, **environment: str) -> float:
    """Seconds that a playbook takes on the hosts."""
    with bench_host.own_connections() as connections:
        start = time.monotonic()
        argv = ["ansible-playbook", "--inventory", bench_host.CONTAINERS, *arguments]
        bench_host.run(f"certificates-{name}", argv, {**connections, **environment, **HOSTS})
        return time.monotonic() - start


def executions(certificates: str) -> int:
    run(f"{certificates}-again", "--tags", certificates, str(PLAYBOOK), **COUNTING)
    return len(MODULE_LOG.read_text().splitlines())


def measure() -> Iterator[Figure]:
    run("destroy", str(bench_host.SHARED / "destroy.yml"))
    try:
        run("create", str(bench_host.SHARED / "create.yml"))
        run("prepare", str(PREPARE))
        run("site", "--tags", "site,packages", str(PLAYBOOK))
        first = run("one", "--tags", "one", str(PLAYBOOK))
        yield Figure("host with nginx to a trusted certificate", first, "s", most=20)
        one = executions("one")
        run("twenty", "--tags", "twenty", str(PLAYBOOK))
        yield Figure("unchanged run: module executions for 1 certificate", one)
        twenty = executions("twenty")
        yield Figure("unchanged run: executions for 20 certificates / for 1", twenty / one, RATIO, most=1.5)
    finally:
        run("destroy", str(bench_host.SHARED / "destroy.yml"))
