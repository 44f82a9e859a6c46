"""The sixteen controls of dev-sec's nginx baseline, as they can be held by a host that others configure too.

Held otherwise than its letter says, each for a reason:

02  nginx.conf is the host's, and Debian lets everybody read it; it holds no secret. Nobody but root writes it.
07  Five connections are less than one page opens; the limit is one that no page meets.
09  Browsers have given their filter of scripts up, and the header that steers it did harm; it is not sent.
12  Its ciphers, its own order of them and its Diffie-Hellman parameters contradict Mozilla's newer guidelines.
13  HSTS lasts longer than it asks for, as Mozilla recommends.
15  A policy for scripts would forbid what Jupyter needs; a site can set one, and what a service sends arrives.
16  Jupyter's scripts read a cookie against forged requests, so HttpOnly is the service's affair; all are Secure.
"""

from __future__ import annotations

import re

import pytest

JUPYTER = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture
def configuration(host) -> str:
    return host.check_output("nginx -T -q")


@pytest.fixture
def answer(visitor):
    return visitor.ask("lab.example.org")


def values(configuration: str, directive: str) -> set[str]:
    """What a directive is set to, wherever a site of ours does."""
    ours = configuration.partition("# configuration file /etc/nginx/conf.d/nbops-")[2]
    return set(re.findall(rf"^\s*{directive}\s+([^;]+);", ours, re.MULTILINE))


def test_01_workers_have_no_privileges(host):
    workers = host.check_output("ps --no-headers -o user:32,args -C nginx | grep 'worker process'").splitlines()
    assert {line.split()[0] for line in workers} == {"www-data"}
    assert host.user("www-data").uid != 0
    assert host.user("www-data").shell == "/usr/sbin/nologin"


def test_02_only_root_writes_the_configuration(host):
    files = "find -L /etc/nginx -not -user root -o -not -group root -not -group www-data -o -perm /022 -not -type l"
    assert host.check_output(files) == ""
    assert not host.file("/etc/nginx/nginx.conf").mode & 0o133


def test_03_no_welcome_page_is_served(host, address):
    assert not host.file("/etc/nginx/sites-enabled/default").exists
    assert not host.file("/etc/nginx/conf.d/default.conf").exists


def test_04_there_is_one_master(host):
    assert host.check_output("pgrep --count --full 'nginx: [m]aster'") == "1"


def test_05_the_version_is_not_told(answer, visitor):
    assert answer.headers["Server"] == "nginx"
    for name in "down.example.org", "staff.example.org":
        page = visitor.ask(name)
        assert page.status >= 400
        assert page.headers["Server"] == "nginx"
        assert not re.search(rb"nginx/[0-9]", page.body)


def test_06_buffers_and_bodies_have_limits(configuration, visitor):
    assert values(configuration, "client_max_body_size") == {"512m", "1m"}
    assert values(configuration, "large_client_header_buffers") == {"3 20k"}
    assert visitor.ask("lab.example.org", headers={"X-Long": "x" * 12_000}).status == 200
    assert visitor.ask("lab.example.org", headers={"X-Long": "x" * 25_000}).status == 400
    assert visitor.ask("lab.example.org", method="PUT", headers={"Content-Length": str(2**30)}).status == 413
    little = {"Content-Length": str(2**20 + 1)}
    assert visitor.ask("lab.example.org", "/notes/1", method="PUT", headers=little).status == 413


def test_07_connections_of_a_client_are_limited(configuration):
    assert values(configuration, "limit_conn") >= {"nbops_lab_connections 600", "nbops_small_connections 20"}


def test_08_other_sites_cannot_frame_a_page(answer):
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_09_no_filter_of_scripts_is_steered(answer):
    assert "X-XSS-Protection" not in answer.headers


def test_10_types_are_not_guessed(answer):
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_12_tls_is_as_mozilla_recommends(configuration):
    assert values(configuration, "ssl_protocols") == {"TLSv1.2 TLSv1.3"}
    [ciphers] = values(configuration, "ssl_ciphers")
    assert all(re.fullmatch(r"ECDHE-\S+-(GCM-SHA\d+|CHACHA20-POLY1305)", cipher) for cipher in ciphers.split(":"))


def test_13_browsers_stay_with_tls(answer):
    assert int(answer.headers["Strict-Transport-Security"].removeprefix("max-age=")) >= 15768000


def test_14_methods_are_those_of_jupyter(visitor):
    assert {visitor.ask("lab.example.org", method="TRACE").status} == {405}
    for method in JUPYTER:
        assert visitor.ask("lab.example.org", method=method).status != 405


def test_15_a_policy_of_the_service_arrives(visitor):
    policy = "frame-ancestors 'none'"
    told = visitor.ask("lab.example.org", "/answer", headers={"X-Answer": f"Content-Security-Policy: {policy}"})
    assert told.headers.get_all("Content-Security-Policy") == [policy]
    assert "X-Frame-Options" not in told.headers


def test_16_cookies_travel_over_tls_alone(visitor):
    told = visitor.ask("lab.example.org", "/answer", headers={"X-Answer": "Set-Cookie: _xsrf=1; Path=/"})
    assert told.headers["Set-Cookie"].lower().replace(" ", "") == "_xsrf=1;path=/;secure"


def test_17_slow_clients_are_not_waited_for(configuration):
    assert values(configuration, "client_header_timeout") == {"10s"}
    assert values(configuration, "client_body_timeout") == values(configuration, "send_timeout") == {"30s"}
