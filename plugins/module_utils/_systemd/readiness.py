# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until a service answers.

Runs as the first ExecStartPost= of the service, inside its sandbox, so that a start that succeeded means ready.
Exit status 0 when it answers, 1 with the reason when the time is up or the service's main process has gone.
Any HTTP status below 500 is an answer: a login page or a refusal shows that the server serves.
"""

from __future__ import annotations

import argparse
import os
import socket
import time
from urllib.parse import SplitResult, urlsplit

PAUSE_SECONDS = 0.05
# One slow answer must not keep us from noticing that the process has gone.
ATTEMPT_SECONDS = 2.0
PORTS = {"http": 80, "https": 443}


class NotReady(Exception):
    """The reason, in words, why the service does not answer yet."""


def connect(url: SplitResult | None, path: str | None, timeout: float) -> socket.socket:
    """An open connection to the UNIX socket where a path is given, else to the URL's host and port."""
    if path:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection
    connection = socket.create_connection((url.hostname, url.port or PORTS[url.scheme]), timeout)
    if url.scheme == "https":
        import ssl  # costs 20 ms, which plain HTTP need not pay

        # The question is whether it answers, not who it is: a certificate rarely names the loopback address.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    return connection


def ask(url: SplitResult | None, path: str | None, timeout: float) -> None:
    """Return when the service answers; raise NotReady or OSError when it does not."""
    with connect(url, path, timeout) as connection:
        if url is None or url.scheme == "tcp":
            return
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            words = answer.readline(200).split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise NotReady("the answer is not HTTP")
    if int(words[1]) >= 500:
        raise NotReady(f"HTTP status {int(words[1])}")


def has_gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def wait(url: SplitResult | None, path: str | None, timeout: float, main_process: int | None) -> None:
    """Ask until there is an answer; raise NotReady when the time is up or the main process has gone."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask(url, path, ATTEMPT_SECONDS)
        except (OSError, NotReady) as error:
            reason = str(error)
        if main_process is not None and has_gone(main_process):
            raise NotReady("its main process has ended")
        if time.monotonic() >= deadline:
            raise NotReady(f"no answer within {timeout:g} seconds, at last: {reason}")
        time.sleep(PAUSE_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Wait until a service answers.")
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--url", type=urlsplit, help="http, https or tcp; tcp only connects")
    parser.add_argument("--socket", help="a UNIX socket; without an http URL it is only connected to")
    arguments = parser.parse_args()
    main_process = os.environ.get("MAINPID")
    try:
        wait(arguments.url, arguments.socket, arguments.timeout, int(main_process) if main_process else None)
    except NotReady as error:
        asked = arguments.url.geturl() if arguments.url else arguments.socket
        raise SystemExit(f"not ready: {asked}: {error}") from None


if __name__ == "__main__":
    main()
