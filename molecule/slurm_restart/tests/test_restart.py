"""A hub after a restart, an upgrade that failed and one that did not, while one server worked and another waited."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator

import pytest
from hub_client import HubClient
from waiting import wait_until

COUNTS = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
NODE = "nodename=$(hostname --short)"
CONFIG = "/etc/jupyterhub/config.json"


def noted(host, name: str) -> str:
    """The number of the job that a person had before all of it."""
    jobs = [line.split() for line in host.file("/root/jobs").content_string.splitlines()]
    return next(number for person, number, _state in jobs if person == name)


def job_of(host, name: str) -> str:
    """The number of the job that is a person's server, or is to be; empty without one."""
    return host.check_output("squeue --noheader --user=%s --format=%%i", name)


def restart(host) -> None:
    host.check_output("systemctl restart jupyterhub")


def let_in(host) -> None:
    """Let jobs have places again."""
    host.check_output(f"scontrol update {NODE} state=resume")


def test_no_request_and_no_job_of_a_server_that_worked_is_lost(host, person) -> None:
    count = json.loads((COUNTS / f"{host.backend.host}.json").read_text())
    assert count["failures"] == []
    assert count["answers"] > 100
    assert host.run("ls -d /opt/jupyterhub/hub/current/lib/python3*/site-packages/cowsay").rc == 0
    ada = person("ada")
    assert ada.state()["ready"]
    assert job_of(host, "ada") == noted(host, "ada")
    ada.stop()


def test_a_start_that_waited_all_the_time_gets_its_place(host, person) -> None:
    job = noted(host, "bob")
    assert host.check_output("squeue --noheader --jobs=%s --format=%%T", job) == "PENDING"
    let_in(host)
    bob = person("bob")
    wait_until(lambda: bob.state().get("ready"))
    assert job_of(host, "bob") == job
    with bob.enter("bob").kernel() as kernel:
        assert kernel.run("import os; print(os.environ['SLURM_JOB_ID'])") == job
    bob.stop()


@pytest.fixture
def ada(host, person) -> Iterator[HubClient]:
    """Somebody without a server, before and after."""
    made = person("ada")
    yield made
    if made.state():
        made.stop()


def test_a_hub_that_restarts_between_the_claim_of_a_server_and_its_first_answer_keeps_it(host, ada: HubClient) -> None:
    assert ada.request("POST", "users/ada/server").status_code in (201, 202)
    wait_until(lambda: host.run("pgrep --euid ada --full bin/jupyterhub-singleuser").rc == 0)
    job = job_of(host, "ada")
    restart(host)
    wait_until(lambda: ada.state().get("ready"))
    assert job_of(host, "ada") == job
    with ada.enter("ada").kernel() as kernel:
        assert kernel.run("6 * 7") == "42"


def test_a_start_has_no_more_time_for_a_restart_of_the_hub(host, ada: HubClient) -> None:
    """Ten minutes are as many seconds here."""
    limits = '"start_timeout": 10, "http_timeout": 10'
    shorten = f"sed --in-place=.before 's/\"start_timeout\": 600/{limits}/' {CONFIG}"
    host.check_output(f"scontrol update {NODE} state=drain reason=test")
    assert ada.request("POST", "users/ada/server").status_code in (201, 202)
    job = wait_until(lambda: job_of(host, "ada"))
    try:
        host.check_output(f"{shorten} && ! cmp --quiet {CONFIG} {CONFIG}.before")
        restart(host)
        wait_until(
            lambda: host.check_output("squeue --noheader --states=all --jobs=%s --format=%%T", job) == "CANCELLED"
        )
        wait_until(lambda: not ada.state())
        told = f"Job {job}, the server of ada, is given up: it was not ready within 10 seconds."
        assert told in host.check_output("journalctl --unit=jupyterhub --since=-2min")
    finally:
        host.check_output(f"cp --preserve {CONFIG}.before {CONFIG} && rm {CONFIG}.before")
        restart(host)
        let_in(host)
