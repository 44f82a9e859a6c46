"""The certificates as visitors see them, and the keys as the host's users do."""

from __future__ import annotations

import json
import os
import pathlib
import ssl

import pytest
from visitor import Visitor

SSL = "/etc/ssl/jupyter"
MADE = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "made"


def plain(host) -> str:
    return host.file(f"{SSL}/plain.example.org/fullchain.pem").content_string


def authority(host) -> str:
    return host.file(f"{SSL}/.authority/fullchain.pem").content_string


def text(_host) -> str:
    return (MADE / "ca.pem").read_text()


TRUST = {"plain": plain, "signed": authority, "text": text, "path": text}


def serial(visitor: Visitor, name: str) -> str:
    with visitor.connect(name) as connection:
        return connection.getpeercert()["serialNumber"]


@pytest.mark.parametrize("name", list(TRUST))
def test_each_site_is_valid_for_clients_that_trust_its_issuer(host, address, name):
    visitor = Visitor(address, TRUST[name](host))
    visitor.context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert visitor.told(f"{name}.example.org")["headers"]["host"] == f"{name}.example.org"


@pytest.mark.parametrize(
    ("name", "other"), [("plain", "signed"), ("signed", "plain"), ("text", "signed"), ("path", "plain")]
)
def test_a_site_is_not_valid_for_clients_that_trust_another_issuer(host, address, name, other):
    with pytest.raises(ssl.SSLCertVerificationError):
        Visitor(address, TRUST[other](host)).connect(f"{name}.example.org")


def test_an_address_has_a_certificate_too(host, address):
    assert Visitor(address, plain(host)).told(address)["at"] == "127.0.0.1:9000"


@pytest.mark.parametrize("name", ["text", "path"])
def test_the_provided_certificate_and_key_are_served(host, address, name):
    shown = serial(Visitor(address, text(host)), f"{name}.example.org")
    expected = host.check_output(f"openssl x509 -noout -serial -in {SSL}/{name}.example.org/fullchain.pem")
    assert expected == f"serial={shown}"
    assert (MADE / f"{name}.pem").read_text().strip() == host.file(
        f"{SSL}/{name}.example.org/fullchain.pem"
    ).content_string.strip()


def test_the_key_is_for_root_and_its_group_alone(host):
    key = host.file(f"{SSL}/plain.example.org/current/privkey.pem")
    assert (key.user, key.group, key.mode) == ("root", "ssl-cert", 0o640)
    read = f"cat {SSL}/plain.example.org/privkey.pem"
    assert "PRIVATE KEY" in host.check_output(f"sudo -u reader {read}")
    assert "Permission denied" in host.run(f"sudo -u stranger {read}").stderr


@pytest.mark.parametrize("name", [".authority", "signed.example.org", "text.example.org", "path.example.org"])
def test_other_keys_are_for_root_alone(host, name):
    key = host.file(f"{SSL}/{name}/current/privkey.pem")
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)
    assert "Permission denied" in host.run(f"sudo -u reader cat {SSL}/{name}/privkey.pem").stderr


def test_certbot_is_not_installed_without_an_authority(host):
    assert not host.package("certbot").is_installed
    assert not host.file("/etc/letsencrypt").exists
    assert host.run("systemctl cat certbot.service certbot.timer").rc != 0


@pytest.mark.parametrize("name", ["nbops-certificates", "nbops-certificates-guard"])
def test_the_timers_run(host, name):
    timer = host.service(f"{name}.timer")
    assert timer.is_enabled
    assert timer.is_running
    assert host.check_output(f"systemctl show --property=NextElapseUSecRealtime --value {name}.timer") != ""


def test_no_secret_stands_in_the_settings(host):
    settings = host.file("/etc/nbops-certificates.json")
    assert settings.mode == 0o600
    names = [entry["name"] for entry in json.loads(settings.content_string)["certificates"]]
    assert names == [f"{name}.example.org" for name in sorted(TRUST)]
    assert "PRIVATE KEY" not in settings.content_string


def test_the_guard_finds_no_fault(host):
    assert host.run("systemctl start nbops-certificates-guard.service").rc == 0
    assert not host.file("/run/alarm").exists


def test_metrics_are_there_for_node_exporter(host):
    metrics = "/var/lib/prometheus/node-exporter/nbops_certificates.prom"
    host.check_output("systemctl start nbops-certificates-guard.service")
    said = host.check_output(f"sudo -u prometheus cat {metrics}").splitlines()
    values = dict(line.rsplit(" ", 1) for line in said if not line.startswith("#"))
    metric = 'nbops_certificate_not_{}_timestamp_seconds{{name="plain.example.org"}}'
    assert int(values[metric.format("after")]) - int(values[metric.format("before")]) == 86400
    assert len(values) == 2 * len(TRUST)


def test_a_deployment_without_changes_touches_nothing(host):
    look = f"find {SSL} -printf '%p %T@ %C@\\n' | sort; systemctl show --property=MainPID,ExecReload nginx"
    before = host.check_output(look)
    host.check_output("systemctl start nbops-certificates.service")
    assert host.check_output(look) == before
