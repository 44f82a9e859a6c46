"""Mozilla's profile "intermediate", as its own checker, a grader and clients see it."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest
from visitor import ask_plain


def test_mozilla_grades_it_modern(mozilla):
    assert mozilla("intermediate") == set()


def test_mozilla_finds_what_modern_forbids(mozilla):
    assert mozilla("modern") == {"tls_versions", "ciphers"}


def test_testssl_finds_nothing_but_the_exceptions(testssl):
    report = testssl("intermediate")
    assert report.faults == report.excused
    assert report.says("overall_grade") == "A+"


@pytest.mark.parametrize(
    ("offer", "accepted"),
    [
        ("-tls1_1 -cipher DEFAULT:@SECLEVEL=0", False),
        ("-tls1_2", True),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", False),
        ("-tls1_3", True),
    ],
)
def test_versions_and_ciphers(handshake, offer, accepted):
    if accepted:
        handshake("lab.example.org", offer)
    else:
        with pytest.raises(AssertionError, match=r"alert|no protocols available"):
            handshake("lab.example.org", offer)


def test_the_key_exchange_is_the_safest_of_the_hosts_openssl(handshake, best_key_exchange):
    assert best_key_exchange in handshake("lab.example.org")


def test_browsers_are_told_to_stay_with_tls(visitor):
    for name in "lab.example.org", "other.example.org":
        assert visitor.ask(name).headers["Strict-Transport-Security"] == "max-age=63072000"


@pytest.mark.parametrize("name", ["nobody.example.org", ""])
def test_unknown_names_learn_nothing_from_the_handshake(handshake, name):
    assert "CN = lab.example.org" in handshake("lab.example.org").replace("CN=", "CN = ")
    with pytest.raises(AssertionError, match="unrecognized name"):
        handshake(name)


def test_a_known_name_in_the_handshake_does_not_reach_another_site(visitor):
    assert visitor.ask("lab.example.org").status == 200
    with pytest.raises(http.client.RemoteDisconnected):
        visitor.ask("lab.example.org", headers={"Host": "nobody.example.org"})


def test_unknown_names_are_not_answered_over_plain_http(address):
    assert ask_plain(address, "lab.example.org").status == 308
    with socket.create_connection((address, 80), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: nobody.example.org\r\n\r\n")
        assert connection.recv(1) == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(visitor, version):
    visitor.context.maximum_version = version
    with visitor.connect("lab.example.org") as first:
        first.sendall(b"GET / HTTP/1.1\r\nHost: lab.example.org\r\n\r\n")
        assert first.recv(12) == b"HTTP/1.1 200"
        plain = socket.create_connection((visitor.address, visitor.port), timeout=30)
        with visitor.context.wrap_socket(plain, server_hostname="lab.example.org", session=first.session) as second:
            assert second.session_reused
