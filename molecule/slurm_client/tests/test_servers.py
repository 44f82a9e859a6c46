"""Servers are jobs of a Slurm that was there before the hub, and share its fate and that of the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hub_client import HubClient
from waiting import wait_until

SHOW = "scontrol show job --details"


def job_of(host, name: str) -> str:
    """The number of the job that is a person's server, or is to be; empty without one."""
    return host.check_output("squeue --noheader --name=jupyterhub@$(hostname --short) --user=%s --format=%%i", name)


def state_of(host, job: str) -> str:
    return host.check_output("squeue --noheader --states=all --jobs=%s --format=%%T", job)


@pytest.fixture(scope="module", autouse=True)
def orphan(host) -> str:
    """A job of the hub's name that no server of the hub has, such as of a start that was cut off."""
    who = "--uid=nobody --gid=nogroup --job-name=jupyterhub@$(hostname --short)"
    what = "--mem=100M --output=/dev/null --chdir=/tmp --wrap='exec sleep infinity'"
    return host.check_output(f"sbatch --parsable {who} {what}")


@pytest.fixture
def ada(host, person) -> Iterator[HubClient]:
    """Somebody without a server, before and after."""
    made = person("ada")
    yield made
    host.check_output("systemctl start slurmctld")
    if made.state():
        made.stop()
    wait_until(lambda: not job_of(host, "ada"))


NODE = "nodename=$(hostname --short)"


@pytest.fixture
def drain(host) -> Iterator[Callable[[], None]]:
    """From the call on no job gets a place."""
    yield lambda: host.check_output(f"scontrol update {NODE} state=drain reason=test")
    open_again(host)


def open_again(host) -> None:
    """Let jobs have places again. Slurm refuses that where they have."""
    host.run(f"scontrol update {NODE} state=resume")


def test_a_cell_runs_in_a_job_of_its_person_with_its_limits(host, ada: HubClient) -> None:
    server = ada.start()
    job = job_of(host, "ada")
    with server.kernel() as kernel:
        who = f"{host.user('ada').uid} {job}"
        assert kernel.run("import os; print(os.getuid(), os.environ['SLURM_JOB_ID'])") == who
        # The hub's group is a second one.
        groups = kernel.run("import grp; print(*(grp.getgrgid(group).gr_name for group in os.getgroups()))")
        assert set(groups.split()) == {"ada", "jupyterhub"}
        assert kernel.run("print(len(os.sched_getaffinity(0)), os.environ['MEM_LIMIT'])") == f"1 {600 * 2**20}"
        # More memory than the job has; the server goes on.
        kernel.run("import sys, subprocess; hungry = [sys.executable, '-c', 'len(bytes(10**9).hex())']")
        assert kernel.run("print(subprocess.run(hungry).returncode)") == "-9"
    told = host.check_output(f"{SHOW} %s", job)
    assert "TimeLimit=08:00:00" in told
    assert "Comment=ada" in told
    # Its runtime directory is nobody else's, and goes with it.
    runtime = "find /tmp -maxdepth 1 -user ada -name 'jupyter-*' -printf '%M\\n'"
    assert host.check_output(runtime) == "drwx-----T"
    ada.stop()
    assert state_of(host, job) == "CANCELLED"
    wait_until(lambda: host.check_output(runtime) == "", 10)


def test_no_token_is_in_slurm_nor_in_a_log(host, ada: HubClient) -> None:
    ada.start()
    job = job_of(host, "ada")
    pid = host.check_output("pgrep --uid ada --full bin/jupyterhub-singleuser | tail --lines=1")
    # In a file, because the journal has the commands of this test.
    host.check_output(
        "tr '\\0' '\\n' < /proc/%s/environ | sed --quiet 's/^JUPYTERHUB_API_TOKEN=//p' > /root/token", pid
    )
    assert host.file("/root/token").size == 33
    host.check_output("echo nbops_slurm > /root/program")
    seen = (
        f"({SHOW} {job}; scontrol write batch_script {job} -; journalctl; ps -A --format args; "
        "cat /proc/$(pgrep --oldest --full slurmstepd)/environ; "
        "cat $(find /var/lib/slurm /var/log/slurm /home/ada /var/lib/jupyterhub -type f)) | "
        "grep --text --quiet --fixed-strings --file=/root/"
    )
    # What is there is found.
    assert host.run(seen + "program").rc == 0
    assert host.run(seen + "token").rc == 1


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ("staff", "Slurm says: User's group not permitted to use this partition"),
        ("long", "Slurm says: Requested time limit is invalid (missing or exceeds some limit)"),
        ("none", "There is no such profile for you. Choose one of: usual, staff, long."),
    ],
)
def test_what_slurm_refuses_is_told(host, person, profile: str, told: str) -> None:
    answer = person("bob").request("POST", "users/bob/server", {"profile": profile})
    assert (answer.status_code, answer.json()["message"]) == (400, told)
    assert job_of(host, "bob") == ""


def test_a_suspended_server_is_there_when_it_goes_on(host, ada: HubClient) -> None:
    """Also for a hub that restarts meanwhile."""
    with ada.start().kernel() as kernel:
        assert kernel.run("six = 6") == ""
        job = job_of(host, "ada")
        host.check_output("scontrol suspend %s", job)
        polled_again(host, job)
        assert ada.state()["ready"]
        host.check_output("systemctl restart jupyterhub")
        polled_again(host, job)
        host.check_output("scontrol resume %s", job)
        wait_until(lambda: ada.state().get("ready"))
        assert kernel.run("six * 7") == "42"
    assert job_of(host, "ada") == job


def polled_again(host, job: str) -> None:
    """Wait until the hub has asked Slurm about its jobs twice."""
    asked = "sdiag | sed --quiet --regexp-extended 's/^.*REQUEST_JOB_INFO .*count:([0-9]+).*/\\1/p'"
    before = int(host.check_output(asked))
    wait_until(lambda: int(host.check_output(asked)) >= before + 2)
    assert state_of(host, job) == "SUSPENDED"


def test_while_the_controller_is_away_nobody_loses_a_server_and_a_start_is_refused(
    host, ada: HubClient, person
) -> None:
    server = ada.start()
    job = job_of(host, "ada")
    host.check_output("systemctl stop slurmctld")
    bob = person("bob")
    bob.request("POST", "users/bob/server", {"profile": "usual"})
    # Slurm's programs try for ten seconds, and for as long the hub's answer waits for them: it may come before theirs.
    wait_until(lambda: not bob.state())
    refused = "Error starting bob's server: HTTP 400: Bad Request (Slurm says: Unable to contact slurm controller"
    assert refused in host.check_output("journalctl --unit=jupyterhub --since=-2min")
    wait_until(lambda: "all count as there" in host.check_output("journalctl --unit=jupyterhub --since=-2min"))
    with server.kernel() as kernel:
        assert kernel.run("6 * 7") == "42"
    host.check_output("systemctl start slurmctld")
    wait_until(lambda: "says again which jobs" in host.check_output("journalctl --unit=jupyterhub --since=-2min"))
    assert ada.state()["ready"]
    assert job_of(host, "ada") == job


def test_a_job_that_ends_outside_of_the_hub_is_gone_and_its_person_reads_why(
    host, ada: HubClient, drain: Callable[[], None]
) -> None:
    ada.start()
    job = job_of(host, "ada")
    host.check_output("scancel %s", job)
    wait_until(lambda: not ada.state())
    told = f"Job {job}, the server of ada, is gone: it was cancelled."
    assert told in host.check_output("journalctl --unit=jupyterhub --since=-2min")
    drain()
    assert ada.request("POST", "users/ada/server").status_code in (201, 202)
    assert told_to(ada, "Your server before this one is gone: it was cancelled.")


def told_to(person: HubClient, text: str) -> bool:
    """Whether the page of a server that starts says something."""
    address = f"{person.url}api/users/{person.name}/server/progress"
    with person.http.get(address, stream=True, timeout=60) as events:
        return any(text in line for line in events.iter_lines(decode_unicode=True))


def test_who_waits_reads_why(host, ada: HubClient, drain: Callable[[], None]) -> None:
    drain()
    assert ada.request("POST", "users/ada/server").status_code in (201, 202)
    job = wait_until(lambda: job_of(host, "ada"))
    assert told_to(ada, f"Job {job} waits for a place: ")
    ada.stop()
    assert state_of(host, job) == "CANCELLED"


def test_a_server_is_handed_to_its_own_job_alone(host, ada: HubClient, drain: Callable[[], None]) -> None:
    drain()
    assert ada.request("POST", "users/ada/server").status_code in (201, 202)
    job = wait_until(lambda: job_of(host, "ada"))
    make = "echo '{\"job\": %s}' | runuser -u %s -- munge --restrict-uid=0 > /root/proof; "
    claim = (
        "curl --silent --output /root/answer --write-out %%{http_code} --unix-socket /run/jupyterhub/hub.sock "
        "--data-binary @/root/proof http://hub/hub/api/nbops/claim"
    )
    # Somebody else's job, one that nobody waits for, and no proof at all.
    assert host.check_output(make + claim, job, "bob") == "403"
    assert host.check_output(make + claim, "999999", "ada") == "403"
    assert host.check_output("echo %s > /root/proof; " + claim, "nothing") == "403"
    # What counts once does not count twice.
    assert host.check_output(make + claim, job, "ada") == "200"
    assert host.check_output("cat /root/answer").startswith("{")
    assert host.check_output("cat %s > /dev/null; " + claim, "/root/proof") == "403"


def test_a_job_that_no_server_has_is_cancelled(host, orphan: str) -> None:
    wait_until(lambda: state_of(host, orphan) == "CANCELLED", 150)


def test_the_hub_offers_no_paths_but_its_own(host) -> None:
    """What servers may call is JupyterHub's, and the one path of claims."""
    count = (
        "from jupyterhub import apihandlers; before = set(apihandlers.default_handlers); "
        "import nbops_jupyterhub.slurm; print(len(set(apihandlers.default_handlers) - before))"
    )
    assert host.check_output("/opt/jupyterhub/hub/current/bin/python -c %s", count) == "0"
