"""The machine under test is the client; its file server is beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

# What the client sends goes nowhere, as if the server were off. The controller still reaches it.
SILENCE = "table inet silence { chain input { type filter hook input priority -300; ip saddr 10.0.2.15 drop; }; }"


@pytest.fixture
def server(host):
    """The host that has the homes."""
    inventory = host.backend.ansible_runner.inventory_file
    return host.get_host("ansible://nfs-home-server", ansible_inventory=inventory, sudo=True)


@pytest.fixture
def silent(server) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Makes the server silent for the time of a block."""

    @contextlib.contextmanager
    def silence() -> Iterator[None]:
        server.check_output("nft %s", SILENCE)
        try:
            yield
        finally:
            server.check_output("nft delete table inet silence")

    return silence
