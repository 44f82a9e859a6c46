"""One address, as each of its readers wants it."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.endpoint import Endpoint

SOCKET = "/run/jupyterlab/lab.sock"


@pytest.mark.parametrize(
    ("text", "ip", "connect", "loopback"),
    [
        ("127.0.0.1:8888", "127.0.0.1", "127.0.0.1:8888", True),
        ("127.9.0.1:8888", "127.9.0.1", "127.9.0.1:8888", True),
        ("localhost:1", "localhost", "localhost:1", True),
        ("[::1]:65535", "::1", "[::1]:65535", True),
        ("0.0.0.0:8888", "0.0.0.0", "127.0.0.1:8888", False),
        ("[::]:8888", "::", "[::1]:8888", False),
        ("10.0.0.0:8888", "10.0.0.0", "10.0.0.0:8888", False),
        ("[2001:db8::1]:8888", "2001:db8::1", "[2001:db8::1]:8888", False),
        ("lab.example.org:8888", "lab.example.org", "lab.example.org:8888", False),
        ("localhost.example.org:1", "localhost.example.org", "localhost.example.org:1", False),
    ],
)
def test_an_address(text: str, ip: str, connect: str, loopback: bool) -> None:
    endpoint = Endpoint.parse(text, SOCKET)
    assert (endpoint.ip, endpoint.connect, endpoint.upstream, endpoint.is_loopback) == (ip, connect, connect, loopback)
    assert endpoint.ready("/login", "https") == {"url": f"https://{connect}/login"}


def test_a_socket() -> None:
    endpoint = Endpoint.parse("unix", SOCKET)
    assert (endpoint.connect, endpoint.upstream, endpoint.is_loopback) == (SOCKET, f"unix:{SOCKET}", True)
    assert endpoint.ready("/login") == {"socket": SOCKET, "url": "http://localhost/login"}


@pytest.mark.parametrize(
    "text", ["", "8888", ":8888", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:8888", "a b:1", "a:1\n"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address and port"):
        Endpoint.parse(text, SOCKET)


def test_a_server_without_a_socket_has_no_unix() -> None:
    with pytest.raises(ValueError, match="'unix' is not an address"):
        Endpoint.parse("unix")
