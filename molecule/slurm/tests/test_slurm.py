"""A job has what it has asked for, and is its owner's."""

from __future__ import annotations

import re
import socket

import pytest
from playbook import changes, inventory_options, run_ansible, run_role
from slurm_jobs import field, state
from waiting import wait_until

HOSTS = ("slurm-debian-13", "slurm-node1")
OPTIONS = inventory_options("slurm/inventory/hosts.yml")
pytestmark = pytest.mark.usefixtures("overdue")
KEY = "/etc/munge/munge.key"
# Takes as many MiB as it is told.
TAKE = "python3 -c 'bytearray({0} * 2**20)'"
# Asks for all cores of the host, and tells how many it has.
WIDEN = "import os; os.sched_setaffinity(0, range(os.cpu_count())); print(len(os.sched_getaffinity(0)))"


def test_a_job_runs_on_the_node_as_the_person(ada):
    assert ada.output("srun", "sh", "-c", "hostname; id --user; echo $SLURM_CLUSTER_NAME").split() == [
        "slurm-node1",
        "2001",
        "cluster",
    ]


@pytest.mark.parametrize(("amount", "ends"), [(50, "COMPLETED"), (400, "OUT_OF_MEMORY")])
def test_a_job_that_takes_more_memory_than_it_asked_for_is_killed_and_told(host, ada, amount, ends):
    job = ada.submit(TAKE.format(amount), "--mem=200M")
    assert wait_until(lambda: state(host, job) in (ends, "FAILED") and state(host, job)) == ends


def test_a_job_is_held_to_the_cores_that_it_asked_for(ada, other):
    assert int(other("slurm-node1").check_output("nproc")) > 1
    assert ada.output("srun", "--mem=100M", "python3", "-c", WIDEN) == "1"


def test_a_job_that_asks_for_more_time_than_the_partition_gives_is_refused(ada):
    answer = ada.run("sbatch", "--time=2-00:00:00", "--wrap=true")
    assert answer.rc != 0
    assert "Requested time limit is invalid" in answer.stderr


def test_a_job_of_root_is_refused(host):
    assert host.run("srun true").rc != 0


def test_another_person_sees_nothing_of_a_job(host, ada, bob):
    job = ada.submit("sleep infinity")
    wait_until(lambda: state(host, job) == "RUNNING")
    assert job in ada.output("squeue", "--noheader", "--format=%i").split()
    assert bob.output("squeue", "--noheader", "--all") == ""
    assert "JobId" not in bob.run("scontrol", "show", "job", job).stdout
    assert bob.run("scancel", job).rc != 0
    ada.end(job)


@pytest.mark.parametrize("directory", ["tmp", "dev/shm"])
def test_the_temporary_files_of_a_job_are_its_own(ada, other, directory):
    note = f"/{directory}/note"
    assert ada.output("srun", "sh", "-c", f"echo mine > {note} && cat {note}") == "mine"
    assert ada.run("srun", "test", "-e", note).rc == 1
    assert not other("slurm-node1").file(note).exists


def test_munge_alone_reads_the_key_that_all_hosts_have(other):
    keys = [other(name).file(KEY) for name in HOSTS]
    assert [(key.user, key.mode) for key in keys] == [("munge", 0o400)] * 2
    assert len({key.content for key in keys}) == 1


def test_a_lost_key_is_handed_out_again_and_shown_nowhere(ada, other):
    node = other("slurm-node1")
    key = node.file(KEY).content_string
    node.check_output(f"rm {KEY}")
    run = run_role("slurm", "-vvv", "--diff", *OPTIONS, hosts="slurm_controller:slurm_nodes")
    assert changes(run) > 0
    assert key not in run.stdout + run.stderr
    for name in HOSTS:
        # grep reads the key from the file, as sudo logs command lines.
        assert other(name).run(f"journalctl --quiet | grep --fixed-strings --file={KEY}").rc == 1
    assert node.file(KEY).content_string == key
    assert ada.output("srun", "hostname") == "slurm-node1"


def test_a_run_for_one_host_alone_knows_the_others(ada):
    # Nobody else of the cluster has been asked yet in such a run.
    run = run_role("slurm", "--limit=slurm-node1", *OPTIONS, hosts="slurm_controller:slurm_nodes")
    assert changes(run) == 0


def test_a_node_that_does_not_answer_is_named_before_anything_changes(tmp_path):
    inventory = tmp_path / "gone.yml"
    inventory.write_text("slurm_nodes: {hosts: {slurm-gone: {ansible_host: 127.0.0.9, ansible_port: 1}}}")
    playbook = tmp_path / "playbook.yml"
    playbook.write_text("[{hosts: slurm_nodes, become: true, gather_facts: false, roles: [nbops.jupyter.slurm]}]")
    run = run_ansible(str(playbook), *OPTIONS, f"--inventory={inventory}", "--limit=slurm-node1")
    assert run.returncode != 0
    assert "slurm: slurm-gone does not answer, so what it has is unknown; start it, or write its address" in run.stdout
    assert changes(run) == 0


@pytest.mark.parametrize(
    ("name", "port"), [("slurm-debian-13", 6817), ("slurm-debian-13", 6819), ("slurm-node1", 6818)]
)
def test_hosts_of_the_cluster_alone_reach_its_daemons(other, name, port):
    address = other(name).backend.ansible_runner.get_variables(name)["ansible_host"]
    knock = f"timeout 2 bash -c '< /dev/tcp/{address}/{port}'"
    assert [other(host).run(knock).rc for host in HOSTS] == [0, 0]
    # The controller of Ansible is none of them.
    with pytest.raises(TimeoutError):
        socket.create_connection((address, port), timeout=2)


def test_people_see_their_own_jobs_alone_in_the_accounting(host, ada, bob):
    job = ada.submit("true", "--mem=100M")
    ask = ("sacct", f"--jobs={job}", "--allocations", "--noheader", "--parsable2", "--format=JobID,User,Account,State")
    known = f"{job}|ada|people|COMPLETED"
    # The controller tells it within seconds.
    assert wait_until(lambda: ada.output(*ask) == known)
    assert bob.output(*ask) == ""
    assert host.check_output(" ".join(ask)) == known


def test_the_accounting_forgets_after_a_year(host):
    told = host.check_output("sacctmgr --noheader show configuration")
    assert re.search(r"(?m)^PurgeJobAfter\s*=\s*12 months", told), told


def test_another_database_takes_the_cluster_over_while_a_job_runs_on(host, ada):
    job = ada.submit("sleep infinity", "--mem=100M")
    wait_until(lambda: state(host, job) == "RUNNING")
    # As after a loss. The new one gives the cluster another number than the controller has noted.
    host.check_output("systemctl stop slurmdbd")
    host.check_output("mariadb --execute 'DROP DATABASE slurm_acct_db'")
    assert changes(run_role("slurm", "--limit=slurm-debian-13", *OPTIONS, hosts="slurm_controller:slurm_nodes")) > 0
    host.check_output("systemctl restart slurmctld")
    assert state(host, job) == "RUNNING"
    later = ada.submit("true", "--mem=100M")
    ask = ("sacct", f"--jobs={later}", "--allocations", "--noheader", "--parsable2", "--format=Account,State")
    assert wait_until(lambda: ada.output(*ask) == "people|COMPLETED")
    ada.end(job)


def test_nobody_else_comes_into_the_database_as_slurm(host, ada):
    log_in = ("mariadb", "--user=slurm", "--execute=SELECT 1")
    assert host.run(f"runuser --user=slurm -- {' '.join(log_in[:2])} --execute='SELECT 1'").rc == 0
    assert "Access denied for user 'slurm'" in ada.run(*log_in).stderr
    assert host.run("mariadb --user=slurm --execute='SELECT 1'").rc != 0


def test_a_service_that_dies_comes_back_and_its_job_runs_on(host, ada, other):
    node = other("slurm-node1")
    job = ada.submit("sleep infinity")
    wait_until(lambda: state(host, job) == "RUNNING")
    was = node.check_output("systemctl show --property=MainPID --value slurmd")
    node.check_output(f"kill -9 {was}")
    wait_until(lambda: node.check_output("systemctl show --property=MainPID --value slurmd") not in ("0", was))
    assert ada.output("srun", "--mem=100M", "hostname") == "slurm-node1"
    assert (state(host, job), field(host, job, "Restarts")) == ("RUNNING", "0")
    ada.end(job)


def test_a_job_that_takes_longer_than_it_asked_for_ends_and_is_told(host, overdue):
    assert wait_until(lambda: state(host, overdue) not in ("PENDING", "RUNNING", "COMPLETING"), seconds=180)
    assert state(host, overdue) == "TIMEOUT"
