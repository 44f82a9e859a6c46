"""After a certificate aged and the host renewed it, and provided files were replaced on the host."""

from __future__ import annotations

import os
import pathlib
import subprocess

from visitor import Visitor
from waiting import wait_until

SSL = "/etc/ssl/jupyter"
METRICS = "/var/lib/prometheus/node-exporter/nbops_certificates.prom"
MADE = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "made"


def served(address: str, ca: str, name: str, serial: str) -> bool:
    """Whether a site shows a certificate."""
    with Visitor(address, ca).connect(name) as connection:
        return f"serial={connection.getpeercert()['serialNumber']}" == serial


def made(name: str) -> str:
    """The serial number of a certificate that the scenario made on the controller."""
    argv = ["openssl", "x509", "-noout", "-serial", "-in", MADE / f"{name}.pem"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def content(host, path: str) -> str:
    return host.file(path).content_string.strip()


def test_the_certificate_was_renewed_before_its_end(host, address):
    renewed = content(host, "/root/renewed")
    assert renewed != content(host, "/root/aged")
    ca = host.file(f"{SSL}/plain.example.org/fullchain.pem").content_string
    # After a reload an old worker may answer for a moment.
    wait_until(lambda: served(address, ca, "plain.example.org", renewed))
    host.check_output(f"openssl x509 -noout -checkend 80000 -in {SSL}/plain.example.org/fullchain.pem")


def test_a_server_that_speaks_tls_itself_was_restarted(host, address):
    ca = host.file(f"{SSL}/plain.example.org/fullchain.pem").content_string
    with Visitor(address, ca, 8443).connect("plain.example.org") as connection:
        assert f"serial={connection.getpeercert()['serialNumber']}" == content(host, "/root/renewed")


def test_a_group_reads_the_key_that_the_host_made(host):
    read = f"cat {SSL}/plain.example.org/privkey.pem"
    assert "PRIVATE KEY" in host.check_output(f"sudo -u reader {read}")
    assert "Permission denied" in host.run(f"sudo -u stranger {read}").stderr


def test_the_guard_raised_the_alarm_with_the_reason(host):
    assert content(host, "/root/guarded") == "1"
    since = content(host, "/root/guarded.time")
    told = host.check_output(f"journalctl --unit=nbops-certificates-guard --since=@{since} --priority=err --output=cat")
    assert "plain.example.org: expires in 0 days, which should have been renewed long since" in told
    assert "signed.example.org" not in told


def test_the_guard_found_no_fault_after_the_renewal(host):
    assert content(host, "/root/guarded.again") == "0"
    after = host.check_output(f"grep 'not_after.*plain' {METRICS}").split()[1]
    assert int(after) - int(host.check_output("date +%s")) > 80000


def test_half_of_a_provided_pair_is_not_deployed(host):
    assert content(host, "/root/half") == "1"
    since = content(host, "/root/half.time")
    told = host.check_output(f"journalctl --unit=nbops-certificates --since=@{since} --priority=err --output=cat")
    assert "path.example.org: the private key is not that of the certificate" in told
    assert content(host, "/root/half.shown") == made("path")


def test_a_complete_provided_pair_is_deployed(host, address):
    assert host.file(f"{SSL}/path.example.org/fullchain.pem").content_string == (MADE / "next.pem").read_text()
    ca, serial = (MADE / "ca.pem").read_text(), made("next")
    wait_until(lambda: served(address, ca, "path.example.org", serial))


def test_another_group_may_read_the_key(host):
    key = host.file(f"{SSL}/signed.example.org/current/privkey.pem")
    assert (key.group, key.mode) == ("ssl-cert", 0o640)
    assert host.file("/run/nbops-certificates").listdir() == []


def test_certificates_no_longer_listed_stay(host):
    settings = host.file("/etc/nbops-certificates.json").content_string
    assert "plain.example.org" in settings
    host.check_output("systemctl start nbops-certificates-guard.service")
