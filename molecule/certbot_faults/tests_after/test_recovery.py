"""After every fault was mended."""

from __future__ import annotations

import pytest
from visitor import Visitor


@pytest.fixture
def root(host) -> str:
    """The certificate of the authority that issues."""
    authority = host.check_output("getent hosts acme.example.net").split()[0]
    ca = host.file("/etc/ssl/acme-ca.pem").content_string
    return Visitor(authority, ca, 15000).ask("acme.example.net", "/roots/0").body.decode()


def test_the_authority_vouches_for_what_is_served(address, domain, root):
    Visitor(address, root).connect(domain).close()


def test_the_provided_certificate_is_served(host, address, domain):
    Visitor(address, host.file("/root/provided/second.pem").content_string).connect(f"own.{domain}").close()


def test_the_served_certificate_is_that_of_certbot(host, domain):
    live, placed = (
        host.file(f"{home}/{domain}/fullchain.pem") for home in ("/etc/letsencrypt/live", "/etc/ssl/jupyter")
    )
    assert live.content == placed.content


def test_nothing_is_left_of_the_attempts(host, domain):
    assert host.file("/run/nbops-certificates").listdir() == []
    assert host.check_output("find /etc/ssl/jupyter -name '*new' -o -name ballast") == ""
    versions = host.file(f"/etc/ssl/jupyter/{domain}/versions").listdir()
    assert len(versions) == 2, "the one that is served and the one before"


def test_no_alarm_is_left(host):
    host.check_output("systemctl start nbops-certificates.service nbops-certificates-guard.service")
    assert host.check_output("systemctl list-units --failed --plain --no-legend") == ""
