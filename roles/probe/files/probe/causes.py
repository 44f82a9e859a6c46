"""What most likely is behind a step that failed: a step and its symptom become a sentence that says where to look."""

from __future__ import annotations

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import requests
import websocket
from hub_client import HubError
from notebook_client import KernelDied

Target = dict[str, Any]

LOGIN = {
    "account": (
        "The hub did not let in {user}, whose password is right, so PAM refuses it: see /etc/pam.d/login, "
        "/etc/security/access.conf and journalctl --unit={unit}."
    ),
    "named": (
        "The hub did not let in {user}: jupyter_verify_password is another one, the account is locked, or no rule of "
        "the hub lets it in; see journalctl --unit={unit}."
    ),
}
LAB_LOGIN = (
    "The server refused the password that the inventory says; run the playbook, which sets it, or see journalctl "
    "--unit={unit}."
)
# OpenSSL's numbers of what is wrong with a chain.
CHAIN = {
    9: "The certificate is not valid yet; see whether the clock is right: timedatectl.",
    10: (
        "The certificate has expired; renew it: systemctl status certbot.timer nbops-certificates.timer, then run the "
        "playbook."
    ),
    18: (
        "The certificate is self-signed, and not the one that is deployed here: something else answers, or {web} has "
        "not loaded it; systemctl reload {web}."
    ),
    19: (
        "The chain ends in an authority that this host does not trust, and is not the one that is deployed here; see "
        "who answers: openssl s_client -connect {address}."
    ),
    20: (
        "The chain is not whole: an intermediate certificate is missing, or its authority is not trusted here, and it "
        "is not the one that is deployed; deploy the full chain."
    ),
    62: (
        "The certificate is for another name; add the name to it (jupyter_certificate, domains), or correct "
        "jupyter_domain."
    ),
    64: "The certificate is for another address; write jupyter_domain, the name that browsers ask for.",
}
STATUS = {
    401: "it does not accept who asks",
    403: "it refuses who asks",
    404: "nothing is at this path",
    413: "it takes no file of this size",
    429: "somebody asks too often",
    500: "it failed inside",
    502: "the web server reaches nobody behind it",
    503: "what is behind it does not run",
    504: "what is behind it does not answer",
}
# Where to look for an answer, by step; the others look into the journal of the server.
LOOK = {
    "page": {
        404: "the site has another base_url, or another site answers: nginx -T",
        502: "systemctl status {unit} {proxy}",
        503: "systemctl status {unit} {proxy}",
        504: "systemctl status {unit} {proxy}",
    },
    "login": {500: "its database may be away, which nbops.jupyter.status tells; see journalctl --unit={unit}"},
    "kernel": {500: "the kernel does not start; {journal}"},
    "files": {
        413: "raise upload_limit_mb, or the limit of a proxy in front",
        500: (
            "the disk or the quota of the home is full, or its rights are wrong; df --human-readable ~{user}, {journal}"
        ),
        403: "the home's rights are wrong; ls -ld ~{user}",
    },
}


def of(step: str, error: Exception, target: Target) -> str:
    """The sentence for an error of a step."""
    words = {
        "journal": journal(target),
        "address": target.get("socket") or f"{target['host']}:{target['port']}",
        **target,
    }
    return _of(step, error, words).format(**words)


def at_provider(there: str, error: Exception) -> str:
    """The sentence for a provider whose page does not come; `there` is its name."""
    return (
        f"The login page leads to {there}, which does not answer as it should ({_briefly(error)}); see whether this "
        f"host reaches it: curl --head https://{there}, and how the hub is registered there."
    )


def _briefly(error: Exception) -> str:
    """An error of a request without its address, which has a line of parameters."""
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.exceptions.SSLError):
        return "no TLS that this host takes"
    return "no answer in time" if _is_time_out(error) else "no connection"


def journal(target: Target) -> str:
    """Where a person's server tells what it does."""
    return f"journalctl --unit='{target['server_unit']}'"


def _of(step: str, error: Exception, target: Target) -> str:
    if isinstance(error, socket.gaierror):
        return (
            "{host} has no address here; add its record (A, AAAA) to DNS, or add `ADDRESS {host}` to this host's "
            "/etc/hosts; see getent ahosts {host}."
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return CHAIN.get(error.verify_code) or f"{error.verify_message}; see openssl s_client -connect {{address}}."
    there = urlsplit(getattr(getattr(error, "request", None), "url", None) or "").hostname
    if step == "page" and there not in (None, target["host"]):
        return _plain(at_provider(there, error))
    if step == "page" and target["stopped"]:
        return "{stopped} does not run; see systemctl status {stopped}, and journalctl --unit={unit}."
    if isinstance(error, HubError):
        said = f"The hub says: {str(error).rstrip('.')}. " if str(error) else "The server ended while it started. "
        return f"{_plain(said)}See journalctl --unit={{unit}} and {{journal}}."
    if isinstance(error, KernelDied):
        return (
            "The kernel ended while it ran a cell: it is out of memory, or the sandbox or a package kills it; see "
            "{journal}."
        )
    if isinstance(error, websocket.WebSocketBadStatusException):
        return _no_websocket(error.status_code)
    if _is_time_out(error):
        return _slow(step)
    if step in ("websocket", "cell") and isinstance(error, (websocket.WebSocketException, ConnectionError)):
        return "The websocket was cut; a proxy in front ends idle connections, or the server ended; see {journal}."
    if isinstance(error, requests.HTTPError):
        code = error.response.status_code
        said = STATUS.get(code, error.response.reason or "an answer that nobody expects")
        elsewhere = "see journalctl --unit={unit}" if step in ("page", "login") else "see {journal}"
        look = LOOK.get(step, {}).get(code, elsewhere)
        return f"HTTP {code}, {_plain(said)}; {look}."
    if isinstance(error, (ConnectionError, requests.ConnectionError)):
        return "Nobody listens on {address}; see systemctl status {web}, and a firewall: nft list ruleset."
    if isinstance(error, (ssl.SSLError, requests.exceptions.SSLError)):
        return "What listens on {address} speaks no TLS that this host takes; see openssl s_client -connect {address}."
    return f"{type(error).__name__}: {_plain(str(error)[:200])}; see journalctl --unit={{unit}}."


def _no_websocket(code: int) -> str:
    if code in (401, 403):
        return (
            f"HTTP {code}: the server refuses the websocket, most likely because a proxy in front changes the Host or "
            "the Origin; see {journal}."
        )
    if code in (502, 503, 504):
        return f"HTTP {code}: the web server does not reach the server behind it; see {{journal}}."
    return (
        f"HTTP {code}: a proxy in front passes no websocket; it has to pass Upgrade and Connection on: nginx -T, and "
        "websocket: true in a location of jupyter_sites."
    )


def _slow(step: str) -> str:
    return {
        "chain": "No answer from {address} in time; a firewall drops it, or the name leads to another machine.",
        "page": "The page does not come in time; see systemctl status {unit} {proxy}, and uptime.",
        "start": "The server did not start in time; see {journal}, and uptime.",
        "cell": "The kernel does not answer; it hangs while it starts, or the host is busy; see {journal}, and uptime.",
        "stop": "The server did not stop in time; see {journal}.",
    }.get(step, "No answer in time; see {journal}, and uptime.")


def _is_time_out(error: Exception) -> bool:
    return isinstance(error, (TimeoutError, socket.timeout, requests.Timeout, websocket.WebSocketTimeoutException))


def _plain(text: str) -> str:
    """Words of others, in which braces are no names of ours."""
    return text.replace("{", "{{").replace("}", "}}")
