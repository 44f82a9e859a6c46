"""Somebody's server answers with headers that would change more than its own page."""

from __future__ import annotations

import json

import pytest
from waiting import wait_until


def test_an_answer_sends_nobody_to_another_page(visitor):
    """nginx would ask for that page in the visitor's name, and log it as what the visitor asked for."""
    answer = visitor.ask("lab.example.org", "/mine", headers={"X-Answer": "X-Accel-Redirect: /login"})
    assert json.loads(answer.body)["path"] == "/mine"


def test_no_page_elsewhere_tries_a_password_by_way_of_an_answer(visitor):
    """What is no login when it comes becomes none on the way."""
    headers = {"Sec-Fetch-Site": "cross-site", "X-Answer": "X-Accel-Redirect: /login"}
    assert visitor.ask("lab.example.org", "/mine", "POST", body="password=wrong", headers=headers).status == 200


@pytest.mark.parametrize(
    "header",
    [
        'Alt-Svc: h2=":8443"',
        "NEL: {}",
        "Service-Worker-Allowed: /",
    ],
)
def test_an_answer_says_nothing_about_other_pages_of_the_site(visitor, header: str):
    """Browsers would remember it for the whole name."""
    answer = visitor.ask("lab.example.org", "/mine", headers={"X-Answer": header})
    assert answer.status == 200
    assert header.partition(":")[0] not in answer.headers


def test_no_answer_gives_tls_up(visitor):
    """Browsers read the first of two headers."""
    headers = {"X-Answer": "Strict-Transport-Security: max-age=0"}
    answer = visitor.ask("lab.example.org", "/mine", headers=headers)
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=63072000"]


def test_an_answer_that_nobody_takes_fills_no_disk(host, visitor):
    waiting = "ss --no-header --tcp --numeric state established '( sport = :9000 )' | awk '$2 > 0'"
    with visitor.connect("lab.example.org") as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: lab.example.org\r\n\r\n")
        wait_until(lambda: host.check_output(waiting))
        assert host.check_output("find /proc/[0-9]*/fd -lname '/var/lib/nginx/*'") == ""


def test_what_a_stranger_sends_fills_no_disk(host, visitor):
    """More of it than connections hold is on the way already, and its end never comes."""
    with visitor.connect("lab.example.org") as connection:
        connection.sendall(b"POST /upload HTTP/1.1\r\nHost: lab.example.org\r\nContent-Length: 500000000\r\n\r\n")
        connection.sendall(bytes(50_000_000))
        assert host.check_output("find /proc/[0-9]*/fd -lname '/var/lib/nginx/*'") == ""
