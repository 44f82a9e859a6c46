# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be right before a certificate is ordered: authorities count failed orders, and soon refuse more."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import http.server
import os
import secrets
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

CHALLENGES = ".well-known/acme-challenge"
_SECONDS = 10
_CLOCK_SECONDS = 300


class PreflightError(Exception):
    """What is in the way of an order, and what to do about it."""


def check_clock(directory_url: str, ca_bundle: str) -> None:
    """Raises PreflightError where the authority cannot be reached, or its clock and this host's disagree."""
    context = ssl.create_default_context(cafile=ca_bundle or None)
    try:
        with urllib.request.urlopen(directory_url, timeout=_SECONDS, context=context) as answer:
            theirs = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    except (OSError, http.client.HTTPException, TypeError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise PreflightError(
            f"the authority at {directory_url} does not answer: {reason}; check certbot_server, certbot_ca_bundle and "
            "whether the host may connect to it"
        ) from None
    if abs(theirs - time.time()) > _CLOCK_SECONDS:
        raise PreflightError(
            f"this host's clock differs from the authority's by {theirs - time.time():.0f} seconds; set it right, for "
            "example by installing systemd-timesyncd"
        )


def check_names(entry: dict[str, Any]) -> None:
    """Raises PreflightError where a request of the authority for one of an entry's names would not get here.

    It is tried: a file is put where a challenge would be, and asked for under every name.
    """
    token = secrets.token_urlsafe(24)
    answering = _standalone(token) if entry["method"] == "standalone" else _webroot(entry["webroot"], token)
    with answering:
        for name in entry["domains"]:
            _check_name(name, token, entry)


@contextlib.contextmanager
def _webroot(webroot: str, token: str) -> Iterator[None]:
    folder = os.path.join(webroot, CHALLENGES)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    path = os.path.join(folder, token)
    with open(path, "w", encoding="ascii") as file:
        file.write(token)
    os.chmod(path, 0o644)
    try:
        yield
    finally:
        os.unlink(path)


class _Challenge(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.rpartition("/")[2].encode())

    def log_message(self, *arguments: object) -> None:
        """Nothing: the module's output is its result."""


class _Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


@contextlib.contextmanager
def _standalone(token: str) -> Iterator[None]:
    try:
        server = _Server(("::", 80), _Challenge) if socket.has_ipv6 else None
    except OSError:
        server = None
    try:
        server = server or http.server.ThreadingHTTPServer(("0.0.0.0", 80), _Challenge)  # noqa: S104 as certbot does
    except OSError as error:
        raise PreflightError(
            f"port 80 is taken ({error.strerror}), which standalone needs for itself; write method: webroot, with the "
            "directory that the web server on it serves"
        ) from None
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _check_name(name: str, token: str, entry: dict[str, Any]) -> None:
    try:
        addresses = sorted({str(found[4][0]) for found in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
    except OSError:
        raise PreflightError(
            f"{name} has no address in the DNS; make an A or AAAA record that leads to this host"
        ) from None
    where = f"{name} ({', '.join(addresses)})"
    host = f"[{name}]" if ":" in name else name
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}/{CHALLENGES}/{token}", timeout=_SECONDS) as answer:
            told = answer.read(len(token) + 1).decode(errors="replace")
    except urllib.error.HTTPError as error:
        folder = f"{entry['webroot']}/{CHALLENGES}"
        serves = "" if entry["method"] == "standalone" else f", and its web server serve {folder}"
        raise PreflightError(
            f"port 80 of {where} answers a challenge with {error.code}; let the name lead to this host{serves}"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise PreflightError(
            f"port 80 of {where} cannot be reached: {reason}; open it in every firewall on the way, and let the name "
            "lead to this host"
        ) from None
    if told != token:
        raise PreflightError(f"another host answers for {where}; let the name lead to this host alone")
