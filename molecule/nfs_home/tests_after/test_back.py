"""A server that was rebooted under a person at work, and homes that do not go while somebody uses them."""

from __future__ import annotations

import pytest
from playbook import inventory_options, run_ansible
from waiting import wait_until

TIMES = "/srv/homes/eve/times"
OPTIONS = inventory_options("nfs_home/inventory/hosts.yml")


def is_at_work(host, server) -> None:
    """The person's program runs since before the reboot, and what it writes arrives."""
    assert host.service("work").is_running
    before = len(server.file(TIMES).content_string.splitlines())
    # After a reboot, the server waits for its clients before it lets them go on.
    wait_until(lambda: len(server.file(TIMES).content_string.splitlines()) > before, 600)


def test_the_person_works_on(host, server) -> None:
    is_at_work(host, server)
    assert server.check_output("stat --format='%%U %%a' %s", TIMES) == "eve 644"


def test_what_was_written_before_the_reboots_is_there(host, server) -> None:
    for machine in (host, server):
        assert machine.check_output("runuser -u eve -- cat /srv/homes/eve/before") == "before"


def test_nothing_has_failed(host, server) -> None:
    for machine in (host, server):
        assert machine.run("systemctl --failed --plain --no-legend").stdout == ""


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ("all", "nfs_home_state: the homes at /srv/homes are in use (eve "),
        ("nfs_home_server", "nfs_home_state: 10.0.2.15 has homes of the server mounted"),
    ],
    ids=["client", "server"],
)
def test_homes_in_use_do_not_go(host, server, hosts: str, words: str) -> None:
    run = run_ansible("molecule/nfs_home/remove.yml", f"--limit={hosts}", *OPTIONS)
    assert run.returncode != 0
    assert words in run.stdout
    assert "changed=0" in run.stdout
    assert "changed=1" not in run.stdout
    is_at_work(host, server)
