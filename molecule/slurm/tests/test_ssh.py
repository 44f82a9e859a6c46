"""By SSH, a node lets in whoever has a job there, into that job, and its administrators."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Callable

import pytest
from playbook import changes, inventory_options, run_ansible
from slurm_jobs import state
from waiting import wait_until

OPTIONS = [
    *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "BatchMode=yes"),
]
ROOT = pathlib.Path(__file__).resolve().parents[3]
NODE = "slurm-node1"
# While jobs run, time passes for that.
pytestmark = pytest.mark.usefixtures("overdue")


@pytest.fixture
def come(other) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Comes to the node as somebody by SSH, with the key of the tests."""
    variables = other(NODE).backend.ansible_runner.get_variables(NODE)
    key = f"-i{ROOT / '.cache/ssh/id_ed25519'}"

    def run(name: str, command: str) -> subprocess.CompletedProcess[str]:
        address = f"{name}@{variables['ansible_host']}"
        return subprocess.run(
            ["ssh", *OPTIONS, key, address, command], capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_who_has_no_job_there_is_refused_and_told_why(come):
    refused = come("bob", "hostname")
    assert (refused.returncode, refused.stdout) == (255, "")
    assert "you have no active jobs on this node" in refused.stderr


def test_who_has_a_job_comes_into_it_until_it_ends(host, bob, come):
    job = bob.submit("echo mine > /tmp/note; sleep infinity", "--mem=100M")
    wait_until(lambda: state(host, job) == "RUNNING")
    came = wait_until(
        lambda: (found := come("bob", "cat /tmp/note /proc/self/cgroup")).returncode == 0 and found.stdout
    )
    assert came.startswith("mine\n")
    # On cgroup v1, the job has one of each kind.
    assert f"job_{job}/step_extern" in came
    bob.end(job)
    wait_until(lambda: come("bob", "true").returncode == 255)


def test_root_and_people_of_the_groups_come_without_a_job(come):
    assert [come(name, "hostname").stdout.strip() for name in ("root", "ansible")] == [NODE, NODE]


def test_what_else_asks_pam_asks_for_no_job(other):
    assert other(NODE).check_output("sudo --user=bob hostname") == NODE


def test_a_change_that_would_keep_ansible_out_is_refused(tmp_path):
    playbook = tmp_path / "playbook.yml"
    playbook.write_text("[{hosts: slurm_nodes, become: true, gather_facts: false, roles: [nbops.jupyter.slurm]}]")
    run = run_ansible(
        str(playbook), *inventory_options("slurm/inventory/hosts.yml"), "--extra-vars={slurm_ssh_groups: [sudo]}"
    )
    assert run.returncode != 0
    assert "slurm_ssh_groups: Ansible comes in as ansible, whom the node would refuse" in run.stdout
    assert changes(run) == 0
