"""Who is let in: by address, by a certificate, by a password."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl

import pytest
from visitor import Visitor, ask_plain

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
ASK = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"


def test_a_list_of_addresses_keeps_others_out(visitor, look):
    assert visitor.ask("office.example.org").status == 200
    assert look("office.example.org") == 403
    assert look("office.example.org", "/public/") == 200
    assert look("office.example.org", "/public/../") == 403


def person(visitor: Visitor, made, name: str) -> Visitor:
    """The visitor, who shows a certificate of one of the authorities."""
    visitor.context.load_cert_chain(made / f"{name}.pem", made / f"{name}.key")
    return visitor


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_without_a_certificate_is_refused(visitor, version):
    visitor.context.maximum_version = version
    assert visitor.ask("staff.example.org").status == 400


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_of_another_authority_is_refused(visitor, made, version):
    visitor.context.maximum_version = version
    assert person(visitor, made, "partners").ask("staff.example.org").status == 400


@pytest.mark.parametrize("version", VERSIONS)
def test_the_right_client_certificate_lets_in(visitor, made, version):
    visitor.context.maximum_version = version
    assert person(visitor, made, "staff").ask("staff.example.org").status == 200


def test_another_host_header_does_not_bypass_the_client_certificate(visitor):
    assert visitor.ask("lab.example.org", headers={"Host": "staff.example.org"}).status == 421


def resumed(visitor: Visitor, first: str, second: str) -> tuple[bool, bytes]:
    """Whether a session of one site is resumed at another, and the beginning of the answer there."""

    def ask(name: str, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool, bytes]:
        plain = socket.create_connection((visitor.address, visitor.port), timeout=30)
        with visitor.context.wrap_socket(plain, server_hostname=name, session=session) as connection:
            connection.sendall(ASK % name.encode())
            status = connection.recv(12)
            return connection.session, bool(connection.session_reused), status

    session, reused, status = ask(first, None)
    assert not reused
    assert status
    try:
        _session, reused, status = ask(second, session)
    except ssl.SSLError as error:
        return False, str(error.reason).encode()
    return reused, status


REFUSED = {b"HTTP/1.1 400", b"HTTP/1.1 421", b"TLSV1_ALERT_ACCESS_DENIED"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_of_another_site_is_refused(visitor, version):
    visitor.context.maximum_version = version
    assert resumed(visitor, "lab.example.org", "hub.example.org") == (True, b"HTTP/1.1 200")
    assert resumed(visitor, "lab.example.org", "staff.example.org")[1] in REFUSED


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_session_of_another_authority_is_refused(visitor, made, version):
    visitor.context.maximum_version = version
    person(visitor, made, "partners")
    assert resumed(visitor, "partners.example.org", "partners.example.org")[1] == b"HTTP/1.1 200"
    assert resumed(visitor, "partners.example.org", "staff.example.org")[1] in REFUSED


def knock(visitor: Visitor, password: str | None) -> tuple[int, bytes]:
    headers = {}
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()
    answer = visitor.ask("private.example.org", headers=headers)
    return answer.status, answer.body


def test_a_password_lets_in_and_is_not_passed_on(visitor):
    assert knock(visitor, None)[0] == 401
    assert knock(visitor, "wrong")[0] == 401
    status, body = knock(visitor, "open sesame")
    assert status == 200
    assert b"Basic" not in body


def test_the_passwords_are_for_nginx_alone(host):
    file = host.file("/etc/nginx/nbops/private/passwords")
    assert (file.user, file.group, file.mode) == ("root", "www-data", 0o640)


LIES = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "evil.example.org",
    "X-Forwarded-Proto": "http",
    "X-Scheme": "http",
    "X-Real-IP": "203.0.113.7",
    "Forwarded": "for=203.0.113.7;host=evil.example.org;proto=http",
}


def test_forwarding_headers_of_visitors_are_ignored(host, visitor, addresses, look):
    headers = visitor.told("lab.example.org", "/spoofed", headers=LIES)["headers"]
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == addresses["visitor"]
    assert headers["x-forwarded-proto"] == headers["x-scheme"] == "https"
    assert headers["host"] == headers["x-forwarded-host"] == "lab.example.org"
    assert "forwarded" not in headers
    line = host.check_output("grep /spoofed /var/log/nginx/lab.access.log | tail -n 1")
    assert line.startswith(f"{addresses['visitor']} - - [")
    assert "203.0.113.7" not in line


def test_an_unknown_name_reaches_no_service(visitor):
    with pytest.raises(http.client.RemoteDisconnected):
        visitor.ask("lab.example.org", headers={"Host": "evil.example.org"})
    with pytest.raises(http.client.RemoteDisconnected):
        ask_plain(visitor.address, "evil.example.org")
