"""What the proxy that the role installs refuses; what both proxies have in common is tested in tests/."""

from __future__ import annotations

import contextlib

from hub import HUB
from visitor import Visitor

# What one address may have on its way at once, in start.mjs.
MOST_REQUESTS = 600


def test_a_handshake_with_a_body_is_refused(stranger: Visitor) -> None:
    """It would announce the body to the hub, and not send it."""
    handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 9\r\n\r\n"
    with stranger.connect(HUB) as connection:
        connection.sendall(f"GET /hub/login HTTP/1.1\r\nHost: {HUB}\r\n{handshake}".encode())
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_one_address_has_so_many_requests_on_their_way(stranger: Visitor) -> None:
    head = f"POST /hub/login HTTP/1.1\r\nHost: {HUB}\r\nContent-Length: 9\r\n\r\n".encode()
    with contextlib.ExitStack() as held:
        for _number in range(MOST_REQUESTS + 1):
            newest = held.enter_context(stranger.connect(HUB))
            newest.sendall(head)
        assert newest.recv(12) == b"HTTP/1.1 429"
