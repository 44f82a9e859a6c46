"""Two hubs on one host, whose databases are PostgreSQL's."""

from __future__ import annotations

import pytest
from hub_client import HubClient
from waiting import wait_until


def ask(host, database: str, question: str) -> list[str]:
    command = "runuser -u postgres -- psql --no-align --tuples-only --command=%s %s"
    return host.check_output(command, question, database).splitlines()


def test_the_upgraded_hub_works_with_its_database(host, person) -> None:
    ada = person("ada")
    with ada.start().kernel() as kernel:
        assert kernel.run("6*7") == "42"
    assert ask(host, "jupyterhub", "SELECT count(*) FROM servers") == ["1"]
    ada.stop()
    assert not host.file("/var/lib/jupyterhub/jupyterhub.sqlite").exists
    copies = host.check_output("ls /var/lib/jupyterhub/backups").splitlines()
    assert {copy[:2] + copy[-5:] for copy in copies} == {"5..dump"}


def test_nobody_else_on_the_host_reads_the_database(host) -> None:
    for account in ("ada", "nobody"):
        assert host.run(f"runuser -u {account} -- psql --command='SELECT 1' jupyterhub").rc != 0


@pytest.fixture
def marie(host, tunnel) -> HubClient:
    """At the hub below a path, which no web server shows to the outside."""
    client = HubClient(f"http://127.0.0.1:{tunnel('/run/jupyterhub-physics-proxy/proxy.sock')}/physics/hub/")
    # Where the database was away, the hub notices at the first request, which fails.
    wait_until(lambda: client.login("marie", "correct horse battery"))
    return client


def test_another_hub_has_its_own_people_servers_and_database(host, marie: HubClient) -> None:
    with marie.start().kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())") == "marie"
    assert ask(host, "physics", "SELECT name FROM users") == ["marie"]
    assert ask(host, "jupyterhub", "SELECT name FROM users") == ["ada"]
    marie.stop()


def test_a_local_server_survives_its_hub(host, marie: HubClient) -> None:
    with marie.start().kernel() as kernel:
        kernel.run("held = 41")
        host.check_output("systemctl restart jupyterhub-physics")
        assert kernel.run("held + 1") == "42"
    assert marie.state()["ready"]
    marie.stop()
    assert host.run("pgrep --euid marie").rc != 0


def test_people_of_one_hub_are_strangers_at_the_other(person, marie: HubClient) -> None:
    assert not person().login("marie", "correct horse battery")
    assert not HubClient(marie.url).login("ada", "correct horse battery")


def test_the_password_of_a_database_is_not_shown(host) -> None:
    units = "systemctl cat jupyterhub-physics; systemctl show jupyterhub-physics; ps -eo args; journalctl --no-pager"
    shown = host.check_output(units)
    assert "mc2" not in shown
    assert host.file("/etc/jupyterhub-physics/config.json").mode == 0o600
