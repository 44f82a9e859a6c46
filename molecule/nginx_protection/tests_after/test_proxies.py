"""Behind a proxy that is trusted, and with logs as JSON."""

from __future__ import annotations

import http.client
import json
import ssl

import pytest
from visitor import Answer, Visitor, exchange
from waiting import wait_until

LIES = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Host": "evil.example.org",
    "X-Forwarded-Proto": "http",
    "X-Real-IP": "203.0.113.7",
}


@pytest.fixture
def number(address: str) -> int:
    """By which the proxy knows the host."""
    return int(address.rpartition(".")[2])


@pytest.fixture
def proxied(addresses, number):
    """Asks by way of the proxy, over TLS or over plain HTTP; its certificate is not looked at."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def ask(path: str, method: str = "GET", *, plain: bool = False, **options: object) -> Answer:
        port = number + (8000 if plain else 9000)
        if plain:
            connection = http.client.HTTPConnection(addresses["proxy"], port, timeout=30)
        else:
            connection = http.client.HTTPSConnection(addresses["proxy"], port, timeout=30, context=context)
        return exchange(connection, method, path, **options)

    return ask


def headers_of(answer: Answer) -> dict[str, str]:
    assert answer.status == 200
    return {name.lower(): value for name, value in json.loads(answer.body)["headers"]}


def newest(host, path: str) -> dict[str, str]:
    """The newest entry of the log about a path."""
    return json.loads(host.check_output(f"grep '\"{path}' /var/log/nginx/lab.access.log | tail -n 1"))


@pytest.mark.parametrize("plain", [False, True])
def test_the_service_gets_the_address_that_the_proxy_saw(host, proxied, addresses, number, plain):
    headers = headers_of(proxied("/twice", plain=plain, headers={"X-Forwarded-For": "203.0.113.7"}))
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == addresses["visitor"]
    assert headers["x-forwarded-proto"] == headers["x-scheme"] == ("http" if plain else "https")
    port = number + (8000 if plain else 9000)
    assert headers["host"] == headers["x-forwarded-host"] == f"{addresses['proxy']}:{port}"
    assert newest(host, "/twice")["client"] == addresses["visitor"]


def test_only_trusted_proxies_set_the_client_address(host, visitor: Visitor, addresses):
    headers = headers_of(visitor.ask("lab.example.org", "/direct", headers=LIES))
    assert headers["x-forwarded-for"] == headers["x-real-ip"] == addresses["visitor"]
    assert headers["x-forwarded-proto"] == headers["x-scheme"] == "https"
    assert headers["host"] == headers["x-forwarded-host"] == "lab.example.org"
    assert newest(host, "/direct")["client"] == addresses["visitor"]


def test_an_entry_of_the_log_has_its_keys(host, visitor):
    assert visitor.ask("lab.example.org", '/keys?"x', headers={"User-Agent": 'a"b\\'}).status == 200
    entry = newest(host, "/keys")
    assert list(entry) == [
        "time", "client", "user", "method", "host", "path", "kind", "protocol", "status", "bytes", "seconds",
        "upstream", "upstream_status", "agent",
    ]  # fmt: skip
    assert {type(value) for value in entry.values()} == {str}
    assert (entry["status"], entry["upstream_status"], entry["agent"]) == ("200", "200", 'a"b\\')


def test_each_client_of_the_proxy_has_a_limit_of_its_own(attack, addresses, number, proxied):
    answers = attack("login", addresses["proxy"], 9000 + number, "lab.example.org", "/login", 12)
    assert answers[:6] == [401] * 6
    assert 429 in answers
    body = "password=wrong"
    assert proxied("/login", "POST", body=body).status == 401


def test_failed_logins_are_banned_from_logs_as_json(attack, addresses, address, banned, visitor, number, proxied):
    attack("login", address, 443, "hub.example.org", "/hub/login", 12)
    wait_until(lambda: banned() == {addresses["attacker"]}, seconds=20)
    assert attack("connect", address, 443) == "ConnectionRefusedError"
    assert visitor.ask("hub.example.org").status == 200
    assert proxied("/").status == 200
    wait_until(lambda: banned() == set(), seconds=40)
    assert attack("connect", address, 443) == "accepted"


def test_no_log_holds_a_secret(confide, logged, visitor):
    visitor.ask("lab.example.org", "/loud-object")
    assert logged("loud-object") == ["/var/log/nginx/lab.access.log"], "this is how a secret would be found"
    confide("murmur")
    assert logged("murmur") == []


def test_a_refused_jail_leaves_the_old_one(host):
    assert host.run("sha256sum --check --quiet /root/jail.sha256").rc == 0
    status = host.check_output("fail2ban-client status nbops-nginx-login")
    assert "/var/log/nginx/hub.access.log" in status
    assert not host.file("/etc/fail2ban/filter.d/defaults-debian.conf").exists
    assert "sshd" in host.check_output("fail2ban-client status")
