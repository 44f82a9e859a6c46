"""Nothing of the role is left, and nothing of others is lost."""

from __future__ import annotations

from waiting import wait_until

TEXTFILES = "/var/lib/prometheus/node-exporter"


def test_nothing_is_left(host) -> None:
    left = (
        "/usr/local/lib/nbops-metrics /etc/nbops-metrics /var/lib/nbops-metrics "
        f"/etc/systemd/system/*metrics* /etc/systemd/system/*/nbops-metrics.conf {TEXTFILES}/nbops_servers.prom"
    )
    assert host.run(f"ls --directory {left}").stdout == ""
    assert not host.socket("tcp://127.0.0.1:9100").is_listening
    assert host.check_output("systemctl list-units --failed --no-legend") == ""


def test_others_stay(host) -> None:
    # The exporter of the site, by its own settings.
    assert host.service("prometheus-node-exporter").is_running
    wait_until(lambda: host.socket("tcp://127.0.0.1:9101").is_listening)
    assert host.service("prometheus").is_running
    assert host.service("jupyterhub").is_running
    assert host.file(f"{TEXTFILES}/nbops_backup.prom").exists
