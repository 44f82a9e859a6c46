"""Where the hub of the scenarios is, and what it answers to somebody on its host."""

from __future__ import annotations

import socket

# The name of the hub in the scenarios, which no DNS knows.
HUB = "hub.example.org"


def at_address(name: str, address: str) -> None:
    """From now on a name, with all names below it, leads this process to an address, as DNS would."""
    real = socket.getaddrinfo

    def resolve(host: str, *rest: object, **named: object) -> object:
        return real(address if f".{host}".endswith(f".{name}") else host, *rest, **named)

    socket.getaddrinfo = resolve


def status_of(host, url: str, token_file: str = "", method: str = "GET") -> str:
    """The status of an answer to somebody on the host itself, who shows the token of a file."""
    token = f' --header "Authorization: token $(cat {token_file})"' if token_file else ""
    ask = "curl --silent --output /dev/null --write-out %{http_code}"
    return host.check_output(f"{ask} --request {method}{token} {url}")
