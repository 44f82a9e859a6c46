"""What people do at their servers, whoever set those up: the same addresses, passwords, notebooks before and after."""

from __future__ import annotations

import pathlib
import socket

import pytest
from hub import at_address
from hub_client import HubClient
from notebook_client import NotebookClient

PASSWORD = "correct horse battery"


@pytest.fixture
def at(host, address: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """Somebody at a URL of the host, who believes the certificate in one of the files if there is any."""
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # put back after the test
    for name in ("lab.example.org", "clara.example.org"):
        at_address(name, address)

    def open_page(url: str, *certificates: str) -> NotebookClient:
        kept = [path for path in certificates if host.file(path).exists]
        ca = tmp_path / "ca.pem"
        if kept:
            ca.write_text(host.file(kept[0]).content_string)
        client = NotebookClient(url, ca=str(ca) if kept else None)
        # Where a web server has TLS, the old address leads there.
        client.url = client.get("login").url.partition("login")[0]
        return client

    return open_page


def test_davids_lab_behind_nginx(at) -> None:
    david = at("http://lab.example.org/", "/etc/ssl/jupyter/lab.example.org/fullchain.pem")
    assert david.login(PASSWORD)
    assert [entry["name"] for entry in david.get("api/contents").json()["content"]] == ["thesis.ipynb"]
    with david.kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())") == "david"


def test_claras_notebook_with_tls(at) -> None:
    clara = at("https://clara.example.org:9999/", "/home/clara/.jupyter/domain.crt")
    assert clara.login(PASSWORD)
    with clara.kernel() as kernel:
        assert kernel.run("import os; print(os.getcwd())") == "/home/clara/notes"


def test_doras_notebook_through_a_tunnel(at, tunnel) -> None:
    dora = at(f"http://127.0.0.1:{tunnel('127.0.0.1:8890')}/")
    assert not dora.login("wrong password")
    assert dora.login(PASSWORD)
    with dora.kernel() as kernel:
        assert kernel.run("import os; print(os.getcwd())") == "/home/dora/notebook"


def test_the_lab_that_was_roots(at, tunnel) -> None:
    assert at(f"http://127.0.0.1:{tunnel('127.0.0.1:8889')}/").login(PASSWORD)


def test_the_people_of_the_hub(tunnel) -> None:
    url = f"http://127.0.0.1:{tunnel('127.0.0.1:8000')}/hub/"
    for name in ("ada", "bob"):
        assert HubClient(url).login(name, PASSWORD)
    assert not HubClient(url).login("david", PASSWORD)
