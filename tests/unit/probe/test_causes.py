"""The likely cause of a step that failed, by its symptom."""

from __future__ import annotations

import json
import socket
import ssl
from typing import Any

import causes
import pytest
import requests
import websocket
from hub_client import HubError
from notebook_client import KernelDied

HUB = {
    **{
        "kind": "hub",
        "name": "jupyterhub",
        "url": "https://hub.example.org/hub/",
        "host": "hub.example.org",
        "port": 443,
    },
    **{"unit": "jupyterhub.service", "proxy": "jupyterhub-proxy.service", "server_unit": "jupyterhub-user-*.service"},
    **{"web": "nginx.service", "user": "nbops-probe", "stopped": ""},
}
LOOK = "journalctl --unit='jupyterhub-user-*.service'"


def answer(code: int, message: str = "", reason: str = "") -> requests.Response:
    made = requests.Response()
    made.status_code, made.reason = code, reason
    made._content = json.dumps({"message": message}).encode() if message else b"<html>"
    return made


def http(code: int, reason: str = "") -> requests.HTTPError:
    return requests.HTTPError(response=answer(code, reason=reason))


def refused(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "strange"
    return error


def no_websocket(code: int) -> websocket.WebSocketBadStatusException:
    return websocket.WebSocketBadStatusException("Handshake status %d %s", code, "")


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        ("resolve", socket.gaierror(-2, "unknown"), "add `ADDRESS hub.example.org` to this host's /etc/hosts"),
        (
            "chain",
            ConnectionRefusedError(),
            "Nobody listens on hub.example.org:443; see systemctl status nginx.service",
        ),
        ("chain", TimeoutError(), "a firewall drops it, or the name leads to another machine"),
        ("chain", ssl.SSLError("wrong version number"), "speaks no TLS that this host takes"),
        ("chain", refused(10), "has expired; renew it: systemctl status certbot.timer"),
        ("chain", refused(9), "timedatectl"),
        ("chain", refused(18), "systemctl reload nginx.service"),
        ("chain", refused(20), "an intermediate certificate is missing"),
        ("chain", refused(62), "correct jupyter_domain"),
        ("chain", refused(99), "strange; see openssl s_client -connect hub.example.org:443"),
        ("page", http(502), "reaches nobody behind it; systemctl status jupyterhub.service jupyterhub-proxy.service"),
        ("page", http(404), "the site has another base_url, or another site answers: nginx -T"),
        ("page", requests.ReadTimeout(), "The page does not come in time"),
        ("login", http(429), "somebody asks too often; see journalctl --unit=jupyterhub.service"),
        (
            "start",
            HubError(answer(500, "This host has no {account} x.")),
            "The hub says: This host has no {account} x. See",
        ),
        (
            "start",
            HubError(None),
            f"The server ended while it started. See journalctl --unit=jupyterhub.service and {LOOK}",
        ),
        ("start", TimeoutError(), f"did not start in time; see {LOOK}"),
        ("login", http(500), "HTTP 500, it failed inside; its database may be away, which nbops.jupyter.status tells;"),
        ("kernel", http(500), f"the kernel does not start; {LOOK}"),
        ("kernel", http(418, "I'm a {teapot}"), f"HTTP 418, I'm a {{teapot}}; see {LOOK}"),
        ("websocket", no_websocket(400), "has to pass Upgrade and Connection on"),
        ("websocket", no_websocket(403), "changes the Host or the Origin"),
        ("websocket", no_websocket(502), "does not reach the server behind it"),
        ("cell", KernelDied("ended"), "it is out of memory, or the sandbox"),
        ("cell", websocket.WebSocketConnectionClosedException("closed"), "The websocket was cut"),
        ("cell", websocket.WebSocketTimeoutException("time"), "The kernel does not answer"),
        ("files", http(413), "raise upload_limit_mb"),
        ("files", http(403), "the home's rights are wrong; ls -ld ~nbops-probe"),
        ("files", http(500), "df --human-readable ~nbops-probe"),
        ("stop", TimeoutError(), "did not stop in time"),
        ("kernel", KeyError("{id}"), "KeyError: '{id}'; see journalctl --unit=jupyterhub.service"),
    ],
)
def test_the_cause_of_a_symptom(step: str, error: Exception, words: str) -> None:
    assert words in causes.of(step, error, HUB)


def test_what_does_not_run_is_the_cause_of_a_page_that_does_not_come() -> None:
    stopped = {**HUB, "stopped": "jupyterhub.service"}
    for error in (http(503), requests.ReadTimeout(), requests.ConnectionError()):
        assert causes.of("page", error, stopped).startswith("jupyterhub.service does not run; see systemctl status")


def test_a_provider_that_does_not_answer_is_named() -> None:
    request = requests.Request("GET", "https://github.example.com/login?state={secret}").prepare()
    text = causes.of("page", requests.ConnectionError("/login?state={secret}", request=request), HUB)
    assert text.startswith(
        "The login page leads to github.example.com, which does not answer as it should (no connection); see"
    )
    own = requests.Request("GET", HUB["url"]).prepare()
    assert "Nobody listens" in causes.of("page", requests.ConnectionError("refused", request=own), HUB)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (http(400), "HTTP 400"),
        (requests.ReadTimeout(), "no answer in time"),
        (requests.exceptions.SSLError("self-signed"), "no TLS that this host takes"),
        (requests.ConnectionError("refused"), "no connection"),
    ],
)
def test_why_a_provider_does_not_answer(error: Exception, why: str) -> None:
    assert f"github.example.com, which does not answer as it should ({why})" in causes.at_provider(
        "github.example.com", error
    )


def test_a_server_on_a_socket_is_called_by_its_path() -> None:
    lab: dict[str, Any] = {**HUB, "socket": "/run/jupyterlab/lab.sock", "web": "jupyterlab-lab.service"}
    text = causes.of("page", requests.ConnectionError(), lab)
    assert text.startswith("Nobody listens on /run/jupyterlab/lab.sock; see systemctl status jupyterlab-lab.service")


@pytest.mark.parametrize("login", causes.LOGIN)
def test_a_login_that_is_refused(login: str) -> None:
    assert causes.LOGIN[login].format(**HUB).startswith("The hub did not let in nbops-probe")
