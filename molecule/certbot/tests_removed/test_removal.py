"""After every certificate and site was removed."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/etc/ssl/jupyter",
        "/etc/nbops-certificates.json",
        "/etc/letsencrypt/nbops-dns",
        "/etc/letsencrypt/renewal-hooks/deploy/nbops-certificates",
        "/etc/systemd/system/certbot.service",
        "/etc/systemd/system/certbot.timer",
        "/etc/systemd/system/certbot.service.d",
        "/opt/certbot",
        "/usr/local/lib/nbops",
    ],
)
def test_nothing_of_ours_is_left(host, path: str) -> None:
    assert not host.file(path).exists


@pytest.mark.parametrize("unit", ["nbops-certificates", "nbops-certificates-guard"])
def test_no_unit_is_left(host, unit: str) -> None:
    for kind in ("service", "timer"):
        assert "not-found" in host.check_output("systemctl show --property=LoadState %s.%s", unit, kind)


def test_certbot_keeps_no_certificate(host) -> None:
    assert host.run("ls /etc/letsencrypt/live /etc/letsencrypt/renewal").stdout.replace("README", "").split() == [
        "/etc/letsencrypt/live:",
        "/etc/letsencrypt/renewal:",
    ]


def test_the_distributions_timer_is_as_it_was(host) -> None:
    assert host.service("certbot.timer").is_enabled
