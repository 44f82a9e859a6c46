"""Idle servers go, busy ones stay, and the culler may do no more than that."""

from __future__ import annotations

import time

from hub import status_of
from waiting import wait_until

API = "http://127.0.0.1:8081/hub/api"
TOKEN = "/etc/jupyterhub/secrets/culler_token"


def test_an_idle_server_is_stopped_and_a_busy_one_is_not(host, person) -> None:
    """Busy is a computation without a word: it prints nothing, and nobody looks at it, longer than the other idles."""
    ada, grace = person("ada"), person("grace")
    with grace.start().kernel() as kernel:
        kernel.begin("import time\nwhile True: time.sleep(0.1)")
        kernel.socket.close()
        ada.start()
        begun = time.monotonic()
        wait_until(lambda: not host.service("jupyterhub-user-ada").is_running, seconds=180)
        assert time.monotonic() - begun >= 60
        assert host.service("jupyterhub-user-grace").is_running
    grace.stop()


def test_the_culler_may_do_what_it_needs_and_no_more(host) -> None:
    assert status_of(host, f"{API}/users", TOKEN) == "200"
    for method, path in (
        ("POST", "users/eve"),
        ("POST", "users/ada/server"),
        ("POST", "users/ada/tokens"),
        ("DELETE", "users/ada"),
        ("GET", "proxy"),
    ):
        assert status_of(host, f"{API}/{path}", TOKEN, method) in ("403", "404"), path


def test_the_culler_has_no_account_and_a_sandbox(host) -> None:
    assert host.run("systemd-analyze security --no-pager --threshold=15 jupyterhub-culler.service").rc == 0
    pid = host.check_output("systemctl show --property=MainPID --value jupyterhub-culler")
    assert host.check_output(f"stat --format=%u /proc/{pid}") != "0"
