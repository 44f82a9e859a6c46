"""After domains came and went, and certificates were ordered otherwise, elsewhere, and no more."""

from __future__ import annotations

from authority import on_the_wire, root, status
from visitor import Visitor

DIRECTORY = "/etc/ssl/jupyter"


def verified(host, name: str, purpose: str, port: int = 15000) -> str:
    """What openssl reads in a deployed certificate, once the authority's root vouches for it."""
    trusted = "/root/authority.pem"
    host.check_output("printf '%%s' %s > %s", root(host, port), trusted)
    chain = f"{DIRECTORY}/{name}/fullchain.pem"
    host.check_output("openssl verify -CAfile %s -untrusted %s %s", trusted, chain, chain)
    return host.check_output(f"openssl x509 -noout {purpose} -in %s", chain)


def test_a_removed_domain_is_no_longer_served(visitor: Visitor, domain: str) -> None:
    assert on_the_wire(visitor, domain)[1] == {domain, f"www.{domain}"}


def test_an_authority_that_knows_its_customers_issued(host, domain: str) -> None:
    told = verified(host, "bound", "-ext subjectAltName -text", 15100)
    assert f"DNS:other.{domain}" in told
    assert "Public-Key: (2048 bit)" in told


def test_an_address_is_certified(host, address: str) -> None:
    assert f"IP Address:{address}" in verified(host, "address", "-ext subjectAltName")


def test_the_timer_runs_certbot_from_pypi(host) -> None:
    assert "/opt/certbot/current/bin/certbot" in host.check_output(
        "systemctl show --property=ExecStart certbot.service"
    )
    assert host.run("systemctl start certbot.service").rc == 0


def test_a_revoked_certificate_is_refused(host) -> None:
    assert status(host, host.file("/root/serial").content_string.strip()) == "Revoked"
    assert not host.file(f"{DIRECTORY}/alone").exists


def test_a_site_whose_certificate_was_removed_has_a_placeholder(host, address: str, domain: str) -> None:
    assert not host.file("/etc/letsencrypt/live/apps").exists
    placeholder = host.file(f"{DIRECTORY}/apps/fullchain.pem").content_string
    assert placeholder.startswith("# Self-signed placeholder")
    assert Visitor(address, placeholder).ask(f"any.apps.{domain}").status == 200


def test_no_secret_of_the_account_is_left_anywhere(host) -> None:
    # The brackets keep the pattern from finding itself in the log of this very command.
    found = host.run(
        "grep -rl 'zWNDZM6eQGHW[p]SRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' /etc /var /root /run /tmp"
    )
    assert found.stdout.split() == []
