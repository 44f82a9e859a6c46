"""What was ordered is served, kept from everybody else, and renewed without anybody noticing."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from authority import on_the_wire
from visitor import Visitor
from waiting import wait_until

REQUESTS = 1000
RENEW = "/usr/bin/certbot -q renew --no-random-sleep-on-renew --force-renewal"


@pytest.mark.parametrize("name", ["", "www."])
def test_a_site_shows_the_authoritys_certificate(visitor: Visitor, domain: str, name: str) -> None:
    assert visitor.ask(name + domain).status == 200
    assert on_the_wire(visitor, name + domain)[1] == {domain, f"www.{domain}"}


def test_a_wildcard_was_proved_by_the_dns(visitor: Visitor, domain: str) -> None:
    assert visitor.ask(f"any.apps.{domain}").status == 200
    assert on_the_wire(visitor, f"any.apps.{domain}")[1] == {f"*.apps.{domain}", f"apps.{domain}"}


def test_the_key_is_for_root_alone(host, domain: str) -> None:
    key = host.file(host.check_output("realpath /etc/ssl/jupyter/%s/privkey.pem", domain))
    assert (key.user, key.group, key.mode) == ("root", "root", 0o600)


@pytest.mark.parametrize("timer", ["certbot", "nbops-certificates", "nbops-certificates-guard"])
def test_timers_run(host, timer: str) -> None:
    assert host.service(f"{timer}.timer").is_running
    assert host.service(f"{timer}.timer").is_enabled


@pytest.mark.parametrize(
    ("unit", "exposure"), [("certbot", 2.6), ("nbops-certificates", 2.4), ("nbops-certificates-guard", 1.6)]
)
def test_renewal_and_deployment_are_sandboxed(host, unit: str, exposure: float) -> None:
    verdict = host.check_output("systemd-analyze security --no-pager %s.service", unit).splitlines()[-1]
    assert float(verdict.split(":")[1].split()[0]) <= exposure


def test_the_guard_finds_no_fault(host) -> None:
    assert host.run("systemctl start nbops-certificates-guard.service").rc == 0


class Load:
    """Asks without pause, on a new connection each time, until it is told to stop."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self.seen: list[str] = []
        self.failures: list[Exception] = []
        self._ask = ask
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _number in range(4)]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.seen.append(self._ask())
            except Exception as error:  # whatever it is, it is a failed request
                self.failures.append(error)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_a_renewal_costs_no_request_and_no_websocket(host, visitor: Visitor, domain: str) -> None:
    """The timer's own service renews, in its sandbox; only that nothing is due yet is overruled."""
    drop_in = "/run/systemd/system/certbot.service.d"
    host.check_output("mkdir -p %s", drop_in)
    text = f"[Service]\nExecStart=\nExecStart={RENEW}\n"
    host.check_output("printf '%%s' %s > %s/force.conf && systemctl daemon-reload", text, drop_in)
    try:

        def ask() -> str:
            assert visitor.ask(domain).status == 200
            return on_the_wire(visitor, domain)[0]

        old = ask()
        with visitor.websocket(domain) as channel, Load(ask) as load:
            channel.send("before")
            assert channel.recv() == "before"
            wait_until(lambda: len(load.seen) >= REQUESTS / 4, seconds=120)
            assert host.run("systemctl start certbot.service").rc == 0
            wait_until(lambda: any(fingerprint != old for fingerprint in load.seen[:]), seconds=120)
            wait_until(lambda: len(load.seen) >= REQUESTS, seconds=120)
            channel.send("after")
            assert channel.recv() == "after"
    finally:
        host.check_output("rm -r %s && systemctl daemon-reload", drop_in)
    assert load.failures == []
    assert load.seen[0] == old
    assert load.seen[-1] != old
    assert len(set(load.seen)) == 2
