"""The role certbot against a test authority: the first certificate, and what an unchanged run costs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import bench_host
from figure import Figure

SCENARIO = "certbot"  # its hosts, with the authority
PLAYBOOK = bench_host.BENCHMARKS / "certificates.yml"
EXECUTIONS = bench_host.LOGS / "bench-certificates-modules.log"
COUNTING = {
    "ANSIBLE_CALLBACK_PLUGINS": str(bench_host.BENCHMARKS / "callback_plugins"),
    "ANSIBLE_CALLBACKS_ENABLED": "module_executions,ansible.posix.profile_tasks",
    "BENCH_MODULE_LOG": str(EXECUTIONS),
}


def run(name: str, *arguments: str, **environment: str) -> float:
    """Seconds that a playbook takes on the scenario's hosts."""
    with bench_host.own_connections() as connections:
        start = time.monotonic()
        argv = ["ansible-playbook", "--inventory", bench_host.CONTAINERS, *arguments]
        bench_host.run(f"certificates-{name}", argv, {**connections, **environment, "MOLECULE_SCENARIO_NAME": SCENARIO})
        return time.monotonic() - start


def executions(certificates: str) -> int:
    run(f"{certificates}-again", "--tags", certificates, str(PLAYBOOK), **COUNTING)
    return len(EXECUTIONS.read_text().splitlines())


def measure() -> Iterator[Figure]:
    shared = bench_host.ROOT / "molecule/shared"
    run("destroy", str(shared / "destroy.yml"))
    try:
        run("create", str(shared / "create.yml"))
        run("prepare", str(bench_host.ROOT / "molecule" / SCENARIO / "prepare.yml"))
        run("site", "--tags", "site,packages", str(PLAYBOOK))
        first = run("one", "--tags", "one", str(PLAYBOOK))
        yield Figure("host with nginx to a trusted certificate", first, "s", target=20)
        one = executions("one")
        run("twenty", "--tags", "twenty", str(PLAYBOOK))
        yield Figure("unchanged run: module executions for 1 certificate", one)
        ratio = executions("twenty") / one
        yield Figure("unchanged run: executions for 20 / for 1", ratio, target=1.5)
    finally:
        run("destroy", str(shared / "destroy.yml"))
