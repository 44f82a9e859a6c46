"""A JupyterLab without a web server, which speaks TLS itself with the certificate that the role certbot keeps."""

from __future__ import annotations

import pathlib
import socket

import pytest
from hub import at_address
from notebook_client import NotebookClient
from waiting import wait_until

LAB = "lab.example.org"
CERTIFICATE = f"/etc/ssl/jupyter/{LAB}"
HANDED_OVER = "/run/jupyterlab/lab.pem"
RENEW = f"rm {CERTIFICATE}/fullchain.pem; python3 /usr/local/lib/nbops/certificates.py deploy"


@pytest.fixture
def alice(host, address: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """Somebody who believes the certificate that the host has now, and no other."""
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back after the test
    at_address(LAB, address)

    def make(logs_in: bool = True) -> NotebookClient:
        ca = tmp_path / "ca.pem"
        ca.write_text(host.file(f"{CERTIFICATE}/fullchain.pem").content_string)
        client = NotebookClient(f"https://{LAB}:8888/", ca=str(ca))
        assert not logs_in or client.login("correct horse battery")
        return client

    return make


def main_process(host) -> str:
    return host.check_output("systemctl show --property=MainPID --value jupyterlab-lab")


def serial(host) -> str:
    """Of the certificate that is served now; empty while nobody answers."""
    shown = "openssl s_client -connect 127.0.0.1:8888 < /dev/null 2> /dev/null | openssl x509 -noout -serial"
    return host.run(shown).stdout


def test_a_person_logs_in_and_runs_a_cell(alice) -> None:
    client = alice()
    with client.kernel() as kernel:
        assert kernel.run("6*7") == "42"
    assert {cookie.secure for cookie in client.http.cookies if cookie.name.startswith("username")} == {True}
    assert not alice(logs_in=False).login("wrong password")


@pytest.mark.parametrize(("version", "spoken"), [("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_tls_versions_and_ciphers(host, version: str, spoken: bool) -> None:
    client = f"openssl s_client -connect 127.0.0.1:8888 -{version} -cipher DEFAULT@SECLEVEL=0 < /dev/null"
    assert (host.run(client).rc == 0) is spoken


def test_only_ssh_and_tls_face_the_network(host) -> None:
    listeners = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    open_to_all = [line.split()[3] for line in listeners if not line.split()[3].startswith(("127.", "[::1]"))]
    assert {place.rsplit(":", 1)[1] for place in open_to_all} == {"22", "8888"}
    assert not host.package("nginx").is_installed
    assert host.run("curl --silent --fail http://127.0.0.1:8888/login").rc != 0


def test_the_key_is_for_root_and_the_person_alone(host) -> None:
    kept, given = host.file(f"{CERTIFICATE}/privkey.pem"), host.file(HANDED_OVER)
    assert (kept.user, kept.mode) == ("root", 0o600)
    assert (given.user, given.mode) == ("alice", 0o400)
    assert host.run(f"runuser -u nobody -- cat {HANDED_OVER}").rc != 0


def test_forwarding_headers_of_clients_are_ignored(host) -> None:
    """Without a proxy, what a client says of its address is its own invention."""
    host.check_output("curl --insecure --silent --header 'X-Forwarded-For: 192.0.2.66' https://127.0.0.1:8888/nothing")
    assert "192.0.2.66" not in host.check_output("journalctl --no-pager --unit=jupyterlab-lab")


def test_a_renewed_certificate_is_served_and_no_kernel_is_lost(host, alice) -> None:
    process, before = main_process(host), serial(host)
    with alice().kernel() as kernel:
        kernel.run("held = 41")
        host.check_output(RENEW)
        wait_until(lambda: serial(host) not in ("", before))
        assert kernel.run("held + 1") == "42"
        again = alice()
        with again.attach(kernel.identity) as later:
            assert later.run("held + 2") == "43"
    assert main_process(host) == process


def test_a_broken_pair_does_not_replace_the_served_one(host) -> None:
    """Whatever breaks it where it is kept, what the server has stays until the next good one."""
    before = serial(host)
    host.check_output(f"mv {CERTIFICATE}/privkey.pem {CERTIFICATE}/privkey.pem.away")
    assert host.run("systemctl reload jupyterlab-lab").rc != 0
    assert serial(host) == before
    host.check_output(f"mv {CERTIFICATE}/privkey.pem.away {CERTIFICATE}/privkey.pem")
    host.check_output("systemctl reload jupyterlab-lab")
    assert serial(host) == before


def test_nothing_of_the_key_is_left_when_the_server_stops(host) -> None:
    host.check_output("systemctl stop jupyterlab-lab")
    assert not host.file(HANDED_OVER).exists
    host.check_output("systemctl start jupyterlab-lab")
    assert serial(host)
