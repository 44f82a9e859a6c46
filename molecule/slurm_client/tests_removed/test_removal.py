"""After the removal of the hub."""

from __future__ import annotations

from waiting import wait_until


def test_servers_have_ended_with_their_hub(host) -> None:
    wait_until(lambda: host.run("pgrep --euid ada").rc != 0)
    assert "CANCELLED" in host.check_output("squeue --noheader --states=all --user=ada --format=%T")
