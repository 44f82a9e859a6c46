"""Homes do not go while somebody uses them, and who works there notices nothing."""

from __future__ import annotations

import pytest
from playbook import inventory_options, run_ansible
from waiting import wait_until

TIMES = "/srv/homes/eve/times"
OPTIONS = inventory_options("nfs_home/inventory/hosts.yml")


def is_at_work(host, server) -> None:
    """The person's program runs, and what it writes arrives."""
    assert host.service("work").is_running
    before = len(server.file(TIMES).content_string.splitlines())
    wait_until(lambda: len(server.file(TIMES).content_string.splitlines()) > before, 600)


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
