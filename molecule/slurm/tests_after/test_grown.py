"""Jobs stay while the cluster grows, and what was lost comes back."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest
from playbook import inventory_options, run_ansible
from slurm_jobs import field, state
from waiting import wait_until

REMOVAL = pathlib.Path(__file__).parents[1] / "tests_after" / "remove.yml"
OPTIONS = inventory_options("slurm/inventory/hosts.yml")


@pytest.fixture
def job(host) -> dict[str, str]:
    """The job that ran before the cluster grew."""
    return json.loads(host.file("/root/job.json").content_string)


def test_a_job_runs_on_while_a_node_and_a_partition_are_new(host, job):
    assert state(host, job["id"]) == "RUNNING"
    assert field(host, job["id"], "Restarts") == "0"
    assert job["started"] == f"StartTime={field(host, job['id'], 'StartTime')}"


def test_its_process_is_on_the_node_still(other):
    assert "sleep infinity" in other("slurm-node1").check_output("ps -u ada -o args=")


def test_the_new_node_takes_jobs_of_the_new_partition(ada):
    assert ada.output("srun", "--partition=second", "hostname") == "slurm-node2"


def test_all_hosts_have_the_same_configuration(other):
    hosts = [other(name) for name in ("slurm-debian-13", "slurm-node1", "slurm-node2")]
    assert len({host.file("/etc/slurm/slurm.conf").sha256sum for host in hosts}) == 1
    assert all("SlurmdTimeout=20" in host.file("/etc/slurm/slurm.conf").content_string for host in hosts)


def test_a_cluster_with_jobs_is_not_removed(host, job):
    run = run_ansible(str(REMOVAL), *OPTIONS)
    assert run.returncode != 0
    assert f"slurm: there are jobs still ({job['id']} RUNNING ada); wait for them, or end them" in run.stdout
    assert state(host, job["id"]) == "RUNNING"


def test_a_node_with_jobs_is_not_removed_while_no_controller_answers(host, other, job):
    host.check_output("systemctl stop slurmctld")
    try:
        run = run_ansible(str(REMOVAL), *OPTIONS, "--limit=slurm-node1")
    finally:
        host.check_output("systemctl start slurmctld")
    assert run.returncode != 0
    assert f"slurmstepd: [{job['id']}.batch]" in run.stdout
    assert "sleep infinity" in other("slurm-node1").check_output("ps -u ada -o args=")


def test_a_node_that_lost_its_power_comes_back_by_itself(host, ada, other):
    lost = ada.submit("sleep infinity", "--nodelist=slurm-node2")
    wait_until(lambda: state(host, lost) == "RUNNING")
    subprocess.run(["podman", "kill", "--signal=KILL", "slurm-node2"], stdout=subprocess.DEVNULL, check=True)
    # Its job is told to be lost, and is not run a second time.
    wait_until(lambda: state(host, lost) == "NODE_FAIL", seconds=180)
    subprocess.run(["podman", "start", "slurm-node2"], stdout=subprocess.DEVNULL, check=True)
    assert ada.output("srun", "--nodelist=slurm-node2", "hostname") == "slurm-node2"
