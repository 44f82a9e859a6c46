"""Our sites beside somebody else's, whose visitors must notice nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest
from visitor import Visitor, ask_plain


@pytest.fixture
def company(host, address: str) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/company/cert.pem").content_string)


def test_nothing_of_theirs_is_changed(changes):
    assert changes() == ""


def test_their_visitors_were_served_all_the_time(failures):
    assert set(failures().values()) == {0}


def test_nginx_was_not_restarted_and_its_unit_is_as_it_was(host):
    assert host.run("systemctl show --property=MainPID nginx | diff - /root/nginx.pid").stdout == ""
    assert host.run("systemctl cat nginx | diff - /root/nginx.unit").stdout == ""


def test_our_sites_are_served(visitor, is_debian):
    answer = visitor.ask("lab.example.org", "/api")
    assert answer.status == 200
    assert (b'"version"' in answer.body) == is_debian


def test_unknown_names_stay_with_their_default_server(address, is_debian, company):
    assert ask_plain(address, "unknown.example.org").body == b"company of unknown.example.org"
    if is_debian:
        assert (
            company.ask("company.example.org", headers={"Host": "unknown.example.org"}).body
            == b"company of unknown.example.org"
        )


def test_a_connection_without_a_name_is_rejected_where_nobody_else_is(address, is_debian):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    rejected = contextlib.nullcontext() if is_debian else pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name")
    plain = socket.create_connection((address, 443), timeout=30)
    with contextlib.closing(plain), rejected:
        context.wrap_socket(plain).close()


def test_their_protocols_stay_what_they_were(company, is_debian):
    if is_debian:
        company.context.set_alpn_protocols(["h2", "http/1.1"])
        with company.connect("company.example.org") as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"


def test_the_hosts_limit_for_old_workers_is_not_repeated(host):
    assert host.check_output("nginx -T -q | grep worker_shutdown_timeout") == "worker_shutdown_timeout 30m;"
