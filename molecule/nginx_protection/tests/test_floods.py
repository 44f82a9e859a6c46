"""Who attacks is limited, banned and cut off; who visits meanwhile is served."""

from __future__ import annotations

import threading
import time

from waiting import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRONG, RIGHT = "password=wrong", "password=right"


def log_in(visitor, name: str, path: str, body: str) -> int:
    return visitor.ask(name, path, "POST", body=body, headers=FORM).status


def test_a_flood_of_logins_is_limited_and_no_other_client_is(attack, address, visitor):
    answers = attack("login", address, 443, "lab.example.org", "/login", 30)
    # One, five more at once, and what comes anew every six seconds.
    assert set(answers) == {401, 429}
    assert answers[:6] == [401] * 6
    assert answers.count(401) <= 8
    assert log_in(visitor, "lab.example.org", "/login", WRONG) == 401
    assert log_in(visitor, "lab.example.org", "/login", RIGHT) == 302


def test_only_logins_are_limited(attack, look, address):
    assert 429 in attack("login", address, 443, "lab.example.org", "/login", 10)
    assert {look("lab.example.org", "/login") for _number in range(10)} == {200}
    assert attack("login", address, 443, "lab.example.org", "/api/kernels", 10) == [200] * 10


def test_another_spelling_of_the_path_does_not_bypass_the_login(attack, address):
    for path in "/login", "//login", "/x/../login", "/%6cogin", "/login?next=1":
        assert 429 in attack("login", address, 443, "lab.example.org", path, 8), path


def test_failed_logins_are_banned_for_a_while_and_others_are_not(attack, addresses, address, banned, visitor, host):
    assert attack("connect", address, 443) == "accepted"
    assert attack("login", address, 443, "hub.example.org", "/hub/login", 9) == [403] * 9
    assert log_in(visitor, "hub.example.org", "/hub/login", WRONG) == 403
    assert banned() == set()
    attack("login", address, 443, "hub.example.org", "/hub/login", 3)
    wait_until(lambda: banned() == {addresses["attacker"]}, seconds=20)
    for port in 80, 443:
        assert attack("connect", address, port) == "ConnectionRefusedError"
    assert attack("connect", address, 22) == "accepted"
    assert log_in(visitor, "hub.example.org", "/hub/login", RIGHT) == 302
    wait_until(lambda: banned() == set(), seconds=40)
    assert attack("connect", address, 443) == "accepted"


def matched(host) -> int:
    """How many failures fail2ban sees in the newest line of a log."""
    host.check_output("tail --lines=1 /var/log/nginx/hub.access.log > /root/line")
    said = host.check_output("fail2ban-regex /root/line /etc/fail2ban/filter.d/nbops-nginx-login.conf")
    return int(said.split(" matched")[0].split()[-1])


def test_successful_logins_ban_nobody(visitor, banned, host):
    assert {log_in(visitor, "hub.example.org", "/hub/login", RIGHT) for _number in range(15)} == {302}
    assert matched(host) == 0
    assert log_in(visitor, "hub.example.org", "/hub/login", WRONG) == 403
    assert matched(host) == 1
    assert banned() == set()


def test_a_page_of_another_site_has_nobody_banned(visitor, banned, host):
    """Its login only asks for the page, so that nobody guesses passwords in this way."""

    def send(site: str, path: str = "/hub/login", password: str = WRONG) -> int:
        headers = FORM | {"Sec-Fetch-Site": site}
        return visitor.ask("hub.example.org", path, "POST", body=password, headers=headers).status

    for site in "cross-site", "same-site":
        for path in "/hub/login", "//hub/login?next=1", "/user/%0A/login", "/hub/signup":
            assert send(site, path) == 200, (site, path)
            assert matched(host) == 0, (site, path)
        assert send(site, password=RIGHT) == 200
    assert {send("cross-site") for _number in range(15)} == {200}
    assert banned() == set()
    assert send("same-origin") == 403
    assert matched(host) == 1
    assert send("same-origin", password=RIGHT) == 302


def test_a_server_of_somebody_has_nobody_banned(visitor, banned, host):
    """It answers at a path of its own as if that were a page to log in, and its page sends its visitors there."""
    for path in "/user/mallory/login", "/user/mallory/hub/login", "/user/mallory/x?/hub/login":
        assert {log_in(visitor, "hub.example.org", path, WRONG) for _number in range(15)} == {403}
        assert matched(host) == 0, path
    assert banned() == set()


def test_a_page_of_another_site_uses_up_no_logins(visitor):
    headers = FORM | {"Sec-Fetch-Site": "cross-site"}
    for _number in range(15):
        assert visitor.ask("lab.example.org", "/login", "POST", body=WRONG, headers=headers).status == 200
    assert log_in(visitor, "lab.example.org", "/login", WRONG) == 401


def test_other_jails_of_the_host_run(host):
    assert "sshd" in host.check_output("fail2ban-client status")
    assert host.service("fail2ban").is_enabled


def test_slow_clients_are_cut_off_while_others_are_served(attack, address, visitor):
    lives: dict[str, list[float | None]] = {}
    slow = threading.Thread(target=lambda: lives.update(attack("slow", address, "small.example.org", 150)))
    slow.start()
    waits = []
    while slow.is_alive():
        started = time.monotonic()
        assert visitor.ask("small.example.org").status == 200
        assert visitor.ask("lab.example.org").status == 200
        waits.append(time.monotonic() - started)
    assert len(waits) > 30
    assert max(waits) < 5
    for kind in "silent", "header", "plain header":
        assert all(life is not None and life < 20 for life in lives[kind]), (kind, lives[kind])
    # Twenty may be connected at once; the others are turned away, and these twenty when they have kept silent too long.
    refused = [life for life in lives["body"] if life is not None and life < 20]
    assert len(refused) == 130
    assert all(life is not None and life < 60 for life in lives["body"])
