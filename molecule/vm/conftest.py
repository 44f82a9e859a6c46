"""People at the lab and at the hub of the machine, which have names of their own at one address."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hub import at_address
from hub_client import HubClient
from notebook_client import NotebookClient

LAB = "lab.example.org"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulated machine is some thirty times slower, and more where it shares a processor."""
    monkeypatch.setattr(NotebookClient, "patience", 600)


@pytest.fixture
def alice(host, address: str, tmp_path, person: Callable[..., HubClient]) -> NotebookClient:
    """Her lab, where she has logged in. What `person` does to names is put back after the test."""
    at_address(LAB, address)
    ca = tmp_path / "lab.pem"
    ca.write_text(host.file(f"/etc/ssl/jupyter/{LAB}/fullchain.pem").content_string)
    client = NotebookClient(f"https://{LAB}/", ca=str(ca))
    assert client.login(PASSWORD)
    return client


@pytest.fixture
def ada(person: Callable[..., HubClient]) -> NotebookClient:
    """Her server at the hub, which may run since an earlier test."""
    hub = person("ada")
    return hub.enter("ada") if hub.state().get("ready") else hub.start()
