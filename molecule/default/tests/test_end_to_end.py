"""A person's way from the browser to a cell's result, over TLS with a checked certificate."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import shlex
import socket
from collections.abc import Iterator

import pytest
import requests
from authority import root
from browser import browser
from notebook_client import NotebookClient
from playwright.sync_api import Page, TimeoutError

PASSWORD = "correct horse battery"
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def name(host) -> str:
    """The site's own: the authority has to find each host under its name."""
    return host.check_output("hostname").removeprefix("default-") + ".example.org"


@pytest.fixture
def ca(host, tmp_path) -> str:
    """The root of the authority that issued the site's certificate."""
    path = tmp_path / "ca.pem"
    path.write_text(root(host))
    return str(path)


@pytest.fixture
def resolved(address: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The site's name leads to the host, as DNS would."""
    real = socket.getaddrinfo

    def lookup(asked: str, *rest, **named) -> list:
        return real(address if asked == name else asked, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.fixture
def lab(ca: str, name: str, resolved: None) -> NotebookClient:
    return NotebookClient(f"https://{name}/alice/", ca=ca)


# Few tests log in: an address can try six passwords at once, and then ten in a minute.
@pytest.mark.parametrize("password", ["wrong", PASSWORD.upper()])
def test_a_wrong_password_is_refused(lab: NotebookClient, password: str) -> None:
    assert not lab.login(password)


def test_a_cell_runs_over_the_websocket(lab: NotebookClient) -> None:
    assert lab.login(PASSWORD)
    with lab.kernel() as kernel:
        assert kernel.run("6*7") == "42"


def test_the_session_cookie_is_for_tls_alone(lab: NotebookClient) -> None:
    assert lab.login(PASSWORD)
    login = next(cookie for cookie in lab.http.cookies if cookie.name.startswith("username-"))
    assert login.secure
    assert login.has_nonstandard_attr("HttpOnly")


def test_a_second_server_lives_below_a_path(ca: str, name: str, resolved: None) -> None:
    client = NotebookClient(f"https://{name}/shared/", ca=ca, token=TOKEN)
    with client.kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())") == "bob"


@contextlib.contextmanager
def asleep(host, unit: str) -> Iterator[None]:
    """The processes of a unit do not answer meanwhile."""
    host.check_output("systemctl kill --signal=STOP %s", unit)
    try:
        yield
    finally:
        host.check_output("systemctl kill --signal=CONT %s", unit)


@pytest.mark.parametrize(("unit", "base"), [("jupyterlab-lab", "/alice/"), ("jupyterlab-shared", "/shared/")])
def test_jupyter_is_not_asked_for_its_own_files(host, ca: str, name: str, resolved: None, unit: str, base: str) -> None:
    core = host.check_output("ls /opt/jupyterlab/current/share/jupyter/lab/static/jlab_core.*.js")
    url = f"https://{name}{base}static/lab/{pathlib.PurePath(core).name}"
    with asleep(host, unit):
        for accepted, coding, suffix in (("identity", None, ""), ("gzip", "gzip", ".gz"), ("gzip, br", "br", ".br")):
            answer = requests.get(url, headers={"Accept-Encoding": accepted}, verify=ca, timeout=30, stream=True)
            assert answer.status_code == 200
            assert answer.headers.get("Content-Encoding") == coding
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            sent = hashlib.sha256(answer.raw.read(decode_content=False)).hexdigest()
            assert sent == host.check_output("sha256sum < %s", core + suffix).split()[0]


def test_an_extension_that_a_person_installed_is_served(host, ca: str, name: str, resolved: None) -> None:
    folder = "/home/alice/.local/share/jupyter/labextensions/mine"
    host.check_output("runuser -u alice -- sh -c %s", f"mkdir -p {folder} && echo mine > {folder}/remoteEntry.js")
    url = f"https://{name}/alice/lab/extensions/mine/remoteEntry.js"
    assert requests.get(url, verify=ca, timeout=30).text == "mine\n"


def test_plain_http_is_sent_to_tls(name: str, resolved: None) -> None:
    answer = requests.get(f"http://{name}/lab?x=1", allow_redirects=False, timeout=30)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"https://{name}/lab?x=1"


def test_the_inventory_gives_the_site_more_keys(lab: NotebookClient) -> None:
    assert "object-src 'none'" in lab.get("login").headers["Content-Security-Policy"]


def test_the_servers_cannot_be_reached_past_nginx(address: str) -> None:
    with pytest.raises(OSError, match=r"refused"):
        socket.create_connection((address, 8888), timeout=10)


def test_the_servers_see_the_persons_address(host, lab: NotebookClient) -> None:
    lab.http.headers["X-Forwarded-For"] = "203.0.113.7"
    lab.login("wrong")
    journal = host.check_output("journalctl --unit=jupyterlab-lab --output=cat --no-pager --lines=5")
    assert "203.0.113.7" not in journal
    assert "(@10.213." in journal


def result_of_all_cells(page: Page) -> str:
    """Run the notebook from the menu; again when nothing comes: JupyterLab drops a run while it is still connecting."""
    for patience in (10_000, 20_000, 60_000):
        page.click('.lm-MenuBar-itemLabel:text-is("Run")')
        page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
        with contextlib.suppress(TimeoutError):
            return page.inner_text(".jp-OutputArea-executeResult pre", timeout=patience)
    raise AssertionError("no result in the page")


def test_a_browser_logs_in_and_runs_a_cell(host, address: str, name: str) -> None:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "6*7", "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    path = "/home/alice/notebooks/answer.ipynb"
    host.check_output("runuser -u alice -- sh -c %s", f"printf %s {shlex.quote(json.dumps(notebook))} > {path}")
    with browser(host.backend.host, address, name) as page:
        page.goto(f"https://{name}/alice/lab/tree/answer.ipynb?reset")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        # While the kernel is still coming, JupyterLab may ask which one; a person takes the one it offers.
        page.add_locator_handler(page.locator(".jp-Dialog .jp-mod-accept"), lambda button: button.click())
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
        assert result_of_all_cells(page) == "42"


def test_a_page_shows_how_much_of_the_memory_limit_is_taken(host, address: str, name: str) -> None:
    with browser(host.backend.host, address, name) as page:
        page.goto(f"https://{name}/shared/lab?token={TOKEN}")
        shown = page.inner_text(r"text=/Mem: +[0-9.]+ \/ 600\.00 MB/")
    taken = float(shown.split()[1])
    assert 20 < taken < 300, "a server without a kernel"
