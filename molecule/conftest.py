"""Fixtures of every scenario's tests."""

from __future__ import annotations

import contextlib
import pathlib
import socket
from collections.abc import Callable, Iterator

import pytest
from hub import HUB, at_address
from hub_client import HubClient
from tunnels import opened

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows the end of its host's journal."""
    report = (yield).get_result()
    if report.failed and "host" in getattr(item, "funcargs", {}):
        journal = item.funcargs["host"].run("journalctl --no-pager --lines=60")
        report.sections.append(("journal of the host", journal.stdout))


@pytest.fixture
def address(host) -> str:
    """The host's address on the scenario's network."""
    return host.backend.ansible_runner.get_variables(host.backend.host)["ansible_host"]


@pytest.fixture
def domain(host) -> str:
    """The host's own: a test authority has to find each platform under another name."""
    return host.backend.ansible_runner.get_variables(host.backend.host)["container_platform"] + ".example.org"


@pytest.fixture
def best_key_exchange(host) -> str:
    """What openssl says of the safest key exchange that the host's version knows."""
    version = host.package("openssl").version
    if host.run("dpkg --compare-versions %s ge 3.5", version).rc == 0:
        return "Negotiated TLS1.3 group: X25519MLKEM768"  # safe from quantum computers
    return "Server Temp Key: X25519"


@pytest.fixture
def person(host, address: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., HubClient]:
    """Makes people at the hub of the host, each with a session of their own; its name leads there, as DNS would."""
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back after the test
    at_address(HUB, address)
    ca = tmp_path / "ca.pem"

    def make(name: str = "", password: str = "correct horse battery", url: str = f"https://{HUB}/hub/") -> HubClient:
        ca.write_text(host.file(f"/etc/ssl/jupyter/{HUB}/fullchain.pem").content_string)
        client = HubClient(url, ca=str(ca))
        assert not name or client.login(name, password)
        return client

    return make


@pytest.fixture
def tunnel(address: str) -> Iterator[Callable[[str], int]]:
    """Opens `ssh -L` to a port or socket of the host, as a person would, and returns the local port."""
    with contextlib.ExitStack() as stack:

        def open_tunnel(target: str) -> int:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            command = [
                "ssh", "-N", "-i", str(ROOT / ".cache/ssh/id_ed25519"), "-o", "ExitOnForwardFailure=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "-o", "ControlPath=none", "-L", f"127.0.0.1:{port}:{target}", f"ansible@{address}",
            ]  # fmt: skip
            stack.enter_context(opened(command, port))
            return port

        yield open_tunnel
