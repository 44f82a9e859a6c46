"""Programs of a person behind her server, by jupyter-server-proxy: Dash on a port, and one on a socket."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import pytest
from browser import LOGS, browser, log_in
from hub import HUB
from notebook_client import NotebookClient

APPS = pathlib.Path(__file__).resolve().parents[1] / "apps"


@pytest.fixture
def lab(person) -> Iterator[NotebookClient]:
    """The server of a person who has uploaded both; it may run, since an earlier test."""
    ada = person("ada")
    lab = ada.enter("ada") if ada.state().get("ready") else ada.start()
    for app in APPS.glob("*.py"):
        body = {"type": "file", "format": "text", "content": app.read_text()}
        lab.put(f"api/contents/{app.name}", body).raise_for_status()
    yield lab
    for app in APPS.glob("*.py"):
        lab.http.delete(f"{lab.url}api/contents/{app.name}", headers={"X-XSRFToken": lab.xsrf, "Referer": lab.url})


def test_a_page_comes_with_all_that_it_loads(lab: NotebookClient) -> None:
    page = lab.get("board/")
    assert page.status_code == 200, page.text
    assets = re.findall(r'(?:src|href)="(/user/ada/board/[^"]+)"', page.text)
    assert assets
    for asset in assets:
        answer = lab.http.get(f"https://{HUB}{asset}", timeout=30)
        assert (answer.status_code, len(answer.content) > 0) == (200, True), asset


def test_a_websocket_echoes(lab: NotebookClient) -> None:
    """Also a message as large as what a widget uploads."""
    socket = lab.websocket("echo/echo")
    for text, answer in (("hello", "hello"), ("x" * 12 * 2**20, str(12 * 2**20))):
        socket.send(text)
        assert socket.recv() == answer
    socket.close()


def test_the_program_learns_where_its_visitor_is_and_leads_there(lab: NotebookClient) -> None:
    told = lab.get("echo/").json()
    assert told["x-forwarded-host"] == told["host"] == HUB
    assert (told["x-forwarded-proto"], told["x-forwarded-port"]) == ("https", "443")
    assert told["x-forwarded-prefix"] == "/user/ada/echo"
    away = lab.http.get(f"{lab.url}echo/away", allow_redirects=False, timeout=30)
    assert (away.status_code, away.headers["Location"]) == (302, f"{lab.url}echo/there")


def test_others_and_strangers_see_neither(lab: NotebookClient, person) -> None:
    grace, stranger = person("grace"), person()
    for visitor in (grace.enter("ada"), stranger.enter("ada")):
        for app in ("board/", "echo/"):
            answer = visitor.http.get(lab.url + app, allow_redirects=False, timeout=30)
            assert answer.status_code in (302, 403), answer.text


def test_a_page_answers_in_a_browser(host, lab: NotebookClient, address: str) -> None:
    with browser(host.backend.host, address, HUB) as page:
        page.goto(f"{lab.url}board/")
        log_in(page, "ada")
        page.wait_for_selector("text=seven times that is 42")
        page.fill("#number", "9")
        page.wait_for_selector("text=seven times that is 63")
        page.screenshot(path=LOGS / "browser-app.png")
