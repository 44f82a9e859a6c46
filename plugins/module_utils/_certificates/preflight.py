# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a certificate is ordered, because authorities count failed orders and soon refuse more."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import http.server
import json
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

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import make_directory

CHALLENGES = ".well-known/acme-challenge"
_PORT = 80
_SECONDS = 10
_CLOCK_SECONDS = 300


class PreflightError(Exception):
    """Why an order would fail, and what to do about it."""


def check_authority(directory_url: str, ca_bundle: str, profile: str) -> None:
    """Raises PreflightError if the authority is down or lacks a profile, or if its clock and this host's differ.

    An authority without profiles would ignore a requested one and issue a different certificate.
    """
    context = ssl.create_default_context(cafile=ca_bundle or None)
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        with opener.open(directory_url, timeout=_SECONDS) as answer:
            theirs = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
            profiles = json.load(answer).get("meta", {}).get("profiles", {})
    except (OSError, http.client.HTTPException, AttributeError, TypeError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise PreflightError(
            f"the authority at {directory_url} does not answer: {reason}; check certbot_server, certbot_ca_bundle and "
            "whether the host may connect to it"
        ) from None
    if profile and profile not in profiles:
        raise PreflightError(f"the authority has no profile {profile}; it has {', '.join(profiles) or 'none at all'}")
    if abs(theirs - time.time()) > _CLOCK_SECONDS:
        raise PreflightError(
            f"this host's clock differs from the authority's by {theirs - time.time():.0f} seconds; set it right, for "
            "example by installing systemd-timesyncd"
        )


def check_names(entry: dict[str, Any]) -> None:
    """Raises PreflightError if the authority could not reach this host by each name of an entry.

    Puts a file where a challenge would be, and requests it by every name.
    """
    token = secrets.token_urlsafe(24)
    answering = _standalone(token) if entry["method"] == "standalone" else _webroot(entry["webroot"], token)
    with answering:
        for name in entry["domains"]:
            _check_name(name, token, entry)


@contextlib.contextmanager
def _webroot(webroot: str, token: str) -> Iterator[None]:
    folder = os.path.join(webroot, CHALLENGES)
    make_directory(folder)
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
        """Logs nothing, because the module's output is its result."""


class _Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


@contextlib.contextmanager
def _standalone(token: str) -> Iterator[None]:
    try:
        server = _Server(("::", _PORT), _Challenge) if socket.has_ipv6 else None
    except OSError:
        server = None
    try:
        server = server or http.server.ThreadingHTTPServer(("0.0.0.0", _PORT), _Challenge)  # noqa: S104 as certbot does
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
        addresses = sorted({str(found[4][0]) for found in socket.getaddrinfo(name, _PORT, type=socket.SOCK_STREAM)})
    except OSError:
        raise PreflightError(
            f"{name} has no address in the DNS; make an A or AAAA record that leads to this host"
        ) from None
    where = f"{name} ({', '.join(addresses)})"
    host = f"[{name}]" if ":" in name else name
    # Authorities follow a redirection to TLS and do not check the certificate, which may not exist yet.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked)
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(f"http://{host}:{_PORT}/{CHALLENGES}/{token}")
    request.add_unredirected_header("Host", host)  # without the port, as authorities send it
    serves = ""
    if entry["method"] == "webroot":
        serves = f", and its web server serve {entry['webroot']}/{CHALLENGES} under this name"
    try:
        with opener.open(request, timeout=_SECONDS) as answer:
            text = answer.read(len(token) + 1).decode(errors="replace")
    except urllib.error.HTTPError as error:
        error.close()
        raise PreflightError(
            f"port 80 of {where} answers a challenge with {error.code}; let the name lead to this host{serves}"
        ) from None
    except http.client.RemoteDisconnected:
        # A web server does this if it has no site of this name.
        raise PreflightError(
            f"port 80 of {where} closes the connection without an answer; let the name lead to this host{serves}"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise PreflightError(
            f"port 80 of {where} cannot be reached: {reason}; open it in every firewall on the way, and let the name "
            "lead to this host"
        ) from None
    if text != token:
        raise PreflightError(f"another host answers for {where}; let the name lead to this host alone")
