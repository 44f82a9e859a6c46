"""A hub without a web server, whose proxy speaks TLS itself."""

from __future__ import annotations

import contextlib
import json
import resource

import pytest
from hub import HUB
from visitor import Visitor
from waiting import wait_until

KEY = f"/etc/ssl/jupyter/{HUB}/privkey.pem"
FORM = "POST /hub/login HTTP/1.1"
HANDSHAKE = "GET /hub/login HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket"


def test_a_person_logs_in_and_runs_a_cell(person) -> None:
    ada = person("ada")
    lab = ada.start()
    assert lab.url == "https://ada.hub.example.org/user/ada/"
    with lab.kernel() as kernel:
        assert kernel.run("6*7") == "42"
    ada.stop()


def test_a_persons_pages_have_an_origin_of_their_own(person) -> None:
    """What a page of Ada's server asks of the hub, or of somebody's server, goes without their cookies."""
    ada = person("ada")
    lab = ada.start()
    cookies = {cookie.name: cookie.domain for cookie in lab.http.cookies}
    assert cookies["__Host-jupyterhub-user-ada"].endswith("ada.hub.example.org")
    assert cookies["__Host-jupyterhub-hub-login"].endswith("hub.example.org")
    ada.stop()


def test_a_page_of_a_server_cannot_log_its_visitors_in_as_somebody_else(person) -> None:
    """It sets cookies for the hub's name and all names below; browsers refuse only those that begin with __Host-."""
    attacker, visitor = person("ada"), person()
    for cookie in attacker.http.cookies:
        if not cookie.name.startswith("__Host-"):
            visitor.http.cookies.set(cookie.name, cookie.value, domain=".hub.example.org", path="/hub/")
    assert visitor.get("home").url.partition("?")[0].endswith("/hub/login")


def test_no_web_server_is_there_and_only_tls_answers(host) -> None:
    assert not host.package("nginx").is_installed
    listeners = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    open_to_all = [line.split()[3] for line in listeners if not line.split()[3].startswith(("127.", "[::1]"))]
    assert {place.rsplit(":", 1)[1] for place in open_to_all} == {"22", "443"}


@pytest.mark.parametrize(("version", "spoken"), [("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_tls_versions_and_ciphers(host, version: str, spoken: bool) -> None:
    client = f"openssl s_client -connect 127.0.0.1:443 -{version} -cipher DEFAULT@SECLEVEL=0 < /dev/null"
    assert (host.run(client).rc == 0) is spoken


def test_nobody_reads_the_key_but_root_and_the_proxy_is_not_root(host) -> None:
    assert host.run(f"runuser -u ada -- cat {KEY}").rc != 0
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub-proxy")
    assert host.check_output(f"stat --format=%u /proc/{pid}") != "0"


def serial(host) -> str:
    """Of the certificate that is served now; empty while nobody answers."""
    shown = "openssl s_client -connect 127.0.0.1:443 < /dev/null 2> /dev/null | openssl x509 -noout -serial"
    return host.run(shown).stdout


def test_a_renewed_certificate_is_served_and_no_kernel_is_lost(host, person) -> None:
    """The proxy restarts for it, and the hub with the proxy."""
    lab = person("ada").start()
    with lab.kernel() as kernel:
        kernel.run("held = 41")
        before = serial(host)
        host.check_output(
            f"rm /etc/ssl/jupyter/{HUB}/fullchain.pem; python3 /usr/local/lib/nbops/certificates.py deploy"
        )
        wait_until(lambda: serial(host) not in ("", before))
        page = f"curl --fail --insecure --resolve {HUB}:443:127.0.0.1 https://{HUB}/hub/login"
        wait_until(lambda: host.run(page).rc == 0)
        ada = person("ada")
        with ada.enter("ada").attach(kernel.identity) as again:
            assert again.run("held + 1") == "42"
    ada.stop()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_what_is_in_a_body_is_no_request(host, stranger: Visitor, method: str) -> None:
    """Its answer would come to whoever has the connection between proxy and hub next."""
    hidden = f"GET /hub/hidden-in-{method} HTTP/1.1\r\nHost: {HUB}\r\n\r\n"
    head = f"{method} /hub/login HTTP/1.1\r\nHost: {HUB}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with stranger.connect(HUB) as connection:
        connection.sendall(f"{head}{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n".encode())
        assert connection.recv(9) == b"HTTP/1.1 "
    stranger.ask(HUB, f"/hub/after-{method}")
    wait_until(lambda: f"/hub/after-{method}" in said(host))
    assert f"/hub/hidden-in-{method}" not in said(host)


def said(host) -> str:
    """What the hub has written about requests."""
    return host.check_output("journalctl --unit=jupyterhub --output=cat --no-pager")


def test_a_stranger_fills_no_memory_of_the_hub(host, stranger: Visitor) -> None:
    """With a body as large as tornado takes by itself, which keeps all of it."""
    before, size = most_memory(host), 100_000_000
    # Who refuses it may end the connection at any time.
    with stranger.connect(HUB) as connection, contextlib.suppress(OSError):
        connection.sendall(f"{FORM}\r\nHost: {HUB}\r\nContent-Length: {size}\r\n\r\n".encode() + bytes(size))
        connection.recv(9)
    assert stranger.ask(HUB, "/hub/login").status == 200
    assert most_memory(host) - before < size / 2


def most_memory(host) -> int:
    """Bytes that the hub has had in memory at most."""
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub")
    return int(host.check_output("awk '/^VmHWM:/ { print $2 }' /proc/%s/status", pid)) * 1024


@pytest.mark.parametrize("request_head", [FORM, HANDSHAKE], ids=["form", "handshake"])
def test_who_announces_a_body_and_leaves_keeps_no_connection_of_the_hub(
    host, stranger: Visitor, request_head: str
) -> None:
    before = connections(host)
    with contextlib.ExitStack() as held:
        for _number in range(100):
            held.enter_context(stranger.connect(HUB)).sendall(without_body(request_head))
    assert stranger.ask(HUB, "/hub/login").status == 200
    wait_until(lambda: connections(host) < before + 50)


def test_one_address_does_not_take_all_connections_of_the_hub(host, stranger: Visitor) -> None:
    """By requests whose bodies never end, each of which has a connection to it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
    with contextlib.ExitStack() as held:
        for _number in range(1100):
            held.enter_context(stranger.connect(HUB)).sendall(without_body(FORM))
        ask = "curl --silent --insecure --max-time 30 --output /dev/null --write-out '%{http_code}'"
        assert host.check_output(f"{ask} --resolve {HUB}:443:127.0.0.1 https://{HUB}/hub/login") == "200"
    resource.setrlimit(resource.RLIMIT_NOFILE, most)
    wait_until(lambda: stranger.ask(HUB, "/hub/login").status == 200)


def without_body(request_head: str) -> bytes:
    """A request that announces a body, which never comes."""
    return f"{request_head}\r\nHost: {HUB}\r\nContent-Length: 9\r\n\r\n".encode()


def connections(host) -> int:
    """The sockets that the hub has open."""
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub")
    return int(host.check_output("ls -l /proc/%s/fd | grep --count socket:", pid))


@pytest.mark.parametrize("header", ["X-Real-IP", "X-Forwarded-For", "Forwarded"])
def test_nobody_chooses_the_address_that_the_audit_notes(host, person, header: str) -> None:
    mallory = person()
    mallory.http.headers[header] = "for=203.0.113.7" if header == "Forwarded" else "203.0.113.7"
    assert not mallory.login("ada", "wrong horse")
    lines = host.check_output("journalctl --identifier=jupyterhub-audit --output=cat --no-pager").splitlines()
    newest = json.loads(lines[-1])
    assert (newest["event"], newest["user"]) == ("login_failed", "ada")
    visitor = host.backend.ansible_runner.get_variables(host.backend.host)["container_subnet"].replace("0/24", "1")
    assert newest["address"] == visitor


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_no_page_elsewhere_logs_its_readers_in(person, site: str) -> None:
    """Not the page of a person's server either, which may know what the form has to show."""
    visitor = person()
    visitor.http.headers["Sec-Fetch-Site"] = site
    assert not visitor.login("ada", "correct horse battery")
    visitor.http.headers["Sec-Fetch-Site"] = "same-origin"
    assert visitor.login("ada", "correct horse battery")
