"""A visitor, whose address is the controller's, and an attacker with a host of his own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from visitor import Visitor

JAIL = "nbops-nginx-login"
MADE = pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "made"


@pytest.fixture
def made() -> pathlib.Path:
    """Directory of the certificates of people, and of the authorities that issued them."""
    return MADE


@pytest.fixture
def addresses(host) -> dict[str, str]:
    """Of the hosts around, by name, and of the controller."""
    variables = host.backend.ansible_runner.get_variables(host.backend.host)
    return {**variables["surrounding_addresses"], "visitor": variables["container_subnet"].replace("0/24", "1")}


@pytest.fixture
def visitor(host, address: str) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/jupyter/shared/fullchain.pem").content_string)


def neighbour(host, name: str):
    """A host around those under test."""
    return host.get_host(
        f"ansible://nginx-protection-{name}", ansible_inventory=host.backend.ansible_runner.inventory_file, sudo=True
    )


@pytest.fixture
def attack(host) -> Iterator[Callable[..., Any]]:
    """Has the attacker attack (files/attack.py), who begins without a record."""
    attacker = neighbour(host, "attacker")
    host.run(f"fail2ban-client reload --restart --unban {JAIL}")

    def run(*arguments: object) -> Any:
        return json.loads(attacker.check_output("python3 /usr/local/lib/attack.py " + " ".join(map(str, arguments))))

    yield run
    host.run(f"fail2ban-client unban --all {JAIL}")


@pytest.fixture
def look(host, address: str) -> Callable[[str, str], int]:
    """The status that the attacker sees when he asks for a path of a site."""
    attacker = neighbour(host, "attacker")
    curl = "curl --silent --insecure --output /dev/null --write-out '%{http_code}'"

    def status(name: str, path: str = "/") -> int:
        return int(attacker.check_output(f"{curl} --resolve {name}:443:{address} https://{name}{path}"))

    return status


@pytest.fixture
def banned(host) -> Callable[[], set[str]]:
    """The addresses that fail2ban bans."""

    def names() -> set[str]:
        said = host.check_output(f"fail2ban-client status {JAIL}")
        return set(said.partition("Banned IP list:")[2].split())

    return names


@pytest.fixture
def logged(host) -> Callable[[str], list[str]]:
    """Which logs of nginx hold a word, and whether the journal does."""

    def places(word: str) -> list[str]:
        # The journal holds this command as well, and is not to be found for it.
        pattern = f"[{word[0]}]{word[1:]}"
        search = f"grep --recursive --files-with-matches --text '{pattern}' /var/log/nginx"
        journal = f"journalctl --no-pager | grep --quiet --text '{pattern}' && echo journal"
        return host.check_output(f"{search}; {journal}; true").split()

    return places


@pytest.fixture
def confide(host, visitor: Visitor, address: str, addresses: dict[str, str]) -> Iterator[Callable[[str], None]]:
    """Sends a word to all kinds of sites wherever secrets travel, and in requests that fail in every way."""

    def send(name: str, port: int, data: bytes) -> None:
        """One request as it is; whatever comes of it."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            plain = stack.enter_context(socket.create_connection((address, port), timeout=30))
            connection = (
                stack.enter_context(visitor.context.wrap_socket(plain, server_hostname=name)) if name else plain
            )
            connection.sendall(data)
            connection.recv(65536)

    def tell(word: str) -> None:
        for site in "lab", "hub", "down", "office", "staff", "private":
            name = f"{site}.example.org"
            # Where nginx itself asks for a password, the user's name is in the log.
            user = "ada" if site == "private" else f"{word}-user"
            basic = base64.b64encode(f"{user}:{word}-password".encode()).decode()
            for authorization in f"token {word}-token", f"Basic {basic}":
                headers = {
                    "Referer": f"https://{name}/?token={word}-referer",
                    "Cookie": f"session={word}-cookie",
                    "Authorization": authorization,
                    "X-XSRFToken": f"{word}-xsrf",
                }
                visitor.ask(name, f"/tree?token={word}-query", headers=headers)
                visitor.ask(name, f"/tree?%74oken={word}-encoded", headers=headers)
                for _number in range(8):
                    body = f"password={word}-password"
                    visitor.ask(name, f"/login?next=%3Ftoken%3D{word}-next", "POST", headers=headers, body=body)
                websocket = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": f"{word}-key"}
                visitor.ask(name, f"/channels?token={word}-websocket", headers=headers | websocket)
            query = f"/?token={word}-raw"
            host = f"Host: {name}\r\n"
            for port, encrypted in (443, name), (443, ""), (80, ""):
                for request in (
                    f"GET {query} HTTP/1.1\r\n{host}Connection: close\r\n\r\n",
                    f"GET {query} HTTP/1.1\r\n{host}{word} no colon\r\n\r\n",
                    f"GET {query} HTTP/1.1\r\nHost: a b\r\n\r\n",
                    f"GET {query} HTTP/7.7\r\n{host}\r\n",
                    f"{word} {query} HTTP/1.1\r\n{host}Connection: close\r\n\r\n",
                    f"GET {query}{'x' * 70000} HTTP/1.1\r\n{host}\r\n",
                    f"GET {query} HTTP/1.1\r\n{host}Cookie: {word}{'x' * 70000}\r\n\r\n",
                    f"PUT {query} HTTP/1.1\r\n{host}Content-Length: 999999999999\r\n\r\n",
                    f"GET {query} HTTP/1.1\r\nHost: nobody.example.org\r\n\r\n",
                ):
                    send(encrypted, port, request.encode())

    # So many wrong passwords would have the visitor banned.
    host.check_output(f"fail2ban-client set {JAIL} addignoreip {addresses['visitor']}")
    yield tell
    host.check_output(f"fail2ban-client set {JAIL} delignoreip {addresses['visitor']}")
