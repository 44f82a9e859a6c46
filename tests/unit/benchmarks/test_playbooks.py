"""What each measurement deploys is accepted: a run ends where it first asks the host, and not before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import bench_host
import measure_certificates
import measure_cluster
import measure_lifecycle
import measure_proxy
import pytest
from bench_host import Deployment

# Nothing is reached, neither a container nor this machine.
NOWHERE = {"ansible_connection": "local", "ansible_shell_executable": "/nonexistent/sh"}
ENVIRONMENT = {
    **os.environ,
    **bench_host.ENVIRONMENT,
    "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
    "BENCH_TOKEN": measure_proxy.TOKEN,
}
ASKED = "Reach the host as root"
JUDGED = ("--start-at-task", "Validate the input")
PEOPLE = Deployment("nbops.jupyter.jupyterhub", measure_lifecycle.PEOPLE)
DEPLOYMENTS = {
    "lab": bench_host.LAB,
    "hub": bench_host.HUB,
    "proxy": measure_proxy.SERVERS,
    "people": PEOPLE,
    "cluster": measure_cluster.CLUSTER,
}


def said(inventories: tuple, playbook: object, *arguments: str, **environment: str) -> dict[str, dict]:
    """What each task said to the host of the benchmarks, by the task's name."""
    done = subprocess.run(
        [
            shutil.which("ansible-playbook"),
            *(argument for file in inventories for argument in ("--inventory", str(file))),
            *("--limit", "instances", "--extra-vars", json.dumps(NOWHERE), str(playbook), *arguments),
        ],
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    tasks = [task for play in json.loads(done.stdout)["plays"] for task in play["tasks"]]
    return {task["task"]["name"]: result for task in tasks for result in task["hosts"].values()}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_is_accepted(name: str) -> None:
    deployment = DEPLOYMENTS[name]
    results = said((deployment.hosts, *deployment.variables), deployment.playbook, *JUDGED)
    assert list(results)[-1] == ASKED, results
    assert results[ASKED].get("unreachable") or results[ASKED].get("failed")


def test_certificates_are_planned_before_their_package_is_installed() -> None:
    results = said(
        (bench_host.CONTAINERS,), measure_certificates.PLAYBOOK, "--tags", "packages", **measure_certificates.HOSTS
    )
    assert "undefined" not in str(results), results
    assert list(results)[-1] == "nbops.jupyter.certbot : install | Install the distribution's packages"
