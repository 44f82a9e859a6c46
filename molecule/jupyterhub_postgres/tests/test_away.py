"""A hub whose PostgreSQL goes away, and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hub_client import HubClient
from playbook import changes, run_playbook

INVENTORIES = ["inventory/hub.yml", "jupyterhub_postgres/inventory/hosts.yml"]
STOP = "systemctl stop postgresql@17-main.service"
START = "systemctl start postgresql@17-main.service"
PROCESS = "systemctl show --property=MainPID jupyterhub.service"
# The server goes away while a run restarts the hub.
DROP_IN = "/run/systemd/system/jupyterhub.service.d/away.conf"


@pytest.fixture(autouse=True)
def database(host) -> Iterator[None]:
    """Is there again at the end, whatever became of the test."""
    yield
    host.check_output(f"rm --force {DROP_IN}; systemctl daemon-reload; {START}")


@pytest.fixture
def program(person) -> HubClient:
    """A program of ada's, which the hub knows by the database alone."""
    ada = person("ada")
    token = ada.request("POST", "users/ada/tokens", {"note": "a program of hers"}).json()["token"]
    return HubClient(ada.url, ca=ada.ca, token=token)


def require_healed(host, program: HubClient, announcement: str) -> None:
    """One more run heals, the next one has nothing to do, and nothing is lost."""
    run = run_playbook(host, "jupyterhub", INVENTORIES, jupyterhub_announcement=announcement)
    assert run.returncode == 0, run.stdout
    again = run_playbook(host, "jupyterhub", INVENTORIES, jupyterhub_announcement=announcement)
    assert (again.returncode, changes(again)) == (0, 0), again.stdout
    assert program.get("api/user").json()["name"] == "ada"


def test_who_works_goes_on_and_who_comes_gets_in_once_the_database_is_back(host, person) -> None:
    ada = person("ada")
    process = host.check_output(PROCESS)
    with ada.start().kernel() as kernel:
        kernel.run("held = 41")
        host.check_output(STOP)
        assert kernel.run("held + 1") == "42"
        assert not person().login("ada", "correct horse battery")
        host.check_output(START)
        assert person().login("ada", "correct horse battery")
        assert kernel.run("held + 1") == "42"
    ada.stop()
    assert host.check_output(PROCESS) == process


def test_a_run_that_does_not_find_the_database_says_so_and_lets_the_hub_run(host, program: HubClient) -> None:
    process = host.check_output(PROCESS)
    host.check_output(STOP)
    run = run_playbook(host, "jupyterhub", INVENTORIES, jupyterhub_announcement="Before")
    assert (run.returncode, changes(run)) == (2, 0), run.stdout
    assert "PostgreSQL on the host does not answer, and nothing was changed" in run.stdout
    assert host.check_output(PROCESS) == process
    host.check_output(START)
    require_healed(host, program, "Before")


def test_a_run_in_whose_middle_the_database_goes_away_says_what_to_do(host, program: HubClient) -> None:
    host.check_output(
        f"mkdir --parents $(dirname {DROP_IN}); printf '[Service]\\nExecStopPost=+{STOP}\\n' >{DROP_IN}"
        "; systemctl daemon-reload"
    )
    run = run_playbook(host, "jupyterhub", INVENTORIES, jupyterhub_announcement="Middle")
    assert run.returncode == 2, run.stdout
    assert "Nobody answers at its socket: `systemctl status postgresql` there; once it runs, run again." in run.stdout
    host.check_output(f"rm {DROP_IN}; systemctl daemon-reload; {START}")
    require_healed(host, program, "Middle")
