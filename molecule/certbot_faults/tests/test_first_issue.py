"""The site of a certificate that its authority could not be asked for."""

from __future__ import annotations

from visitor import Visitor
from waiting import wait_until


def test_a_placeholder_is_served_for_all_names_of_the_site(host, address, domain):
    placeholder = host.file(f"/etc/ssl/jupyter/{domain}/fullchain.pem").content_string
    assert placeholder.startswith("# Self-signed placeholder")
    for name in domain, f"www.{domain}":
        Visitor(address, placeholder).connect(name).close()


def test_the_guard_raises_the_alarm(host, domain):
    assert host.run("systemctl start nbops-certificates-guard.service").rc != 0
    words = host.check_output("journalctl --unit=nbops-certificates-guard.service --output=cat")
    assert f"{domain}: still a self-signed placeholder; nothing was issued" in words
    # systemd starts it once the guard has failed.
    wait_until(lambda: host.file("/run/alarm").exists)
    host.check_output("rm /run/alarm && systemctl reset-failed nbops-certificates-guard.service")
