"""A hub whose PostgreSQL goes away, and comes back."""

from __future__ import annotations

import json
import re
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


def database_row(host) -> tuple[str, str]:
    """State and text of what the status says of the database of the hub beside, which is elsewhere."""
    variables = {"jupyterhub_name": "jupyterhub-physics", "jupyterhub_hub_port": "8091"}
    address = "postgresql://physics:e%3Dmc2%40home@127.0.0.1/physics"
    beside = {**variables, "jupyterhub_base_url": "/physics/", "jupyterhub_database": address}
    run = run_playbook(host, "status", INVENTORIES, jupyter_status_format="json", **beside)
    (found,) = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    ((state, text),) = [(row["state"], row["text"]) for row in found["rows"] if row["check"] == "database"]
    return state, text


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


def test_the_status_says_of_a_database_elsewhere_that_it_is_away(host) -> None:
    ok = "jupyterhub-physics: a database on a server of its own, of JupyterHub "
    assert database_row(host)[0] == "ok"
    host.check_output(STOP)
    state, text = database_row(host)
    assert state == "red"
    beginning = "jupyterhub-physics: a database on a server of its own does not answer the hub, most likely ("
    assert text.startswith(beginning)
    assert "mc2" not in text
    host.check_output(START)
    state, text = database_row(host)
    assert (state, text[: len(ok)]) == ("ok", ok)


def test_a_visit_says_that_the_database_may_be_away(host) -> None:
    # The host finds its own name, as by DNS.
    host.check_output("grep --quiet hub.example.org /etc/hosts || echo 127.0.0.1 hub.example.org >>/etc/hosts")
    host.check_output(STOP)
    visit = run_playbook(host, "verify", INVENTORIES)
    assert visit.returncode == 2
    assert re.search(r"login +red +jupyterhub: HTTP 500, .*its database may be away", visit.stdout), visit.stdout


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
