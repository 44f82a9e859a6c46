"""A program of a person behind her server, by jupyter-server-proxy, on a name of her own."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from browser import LOGS, browser, log_in
from hub import HUB
from notebook_client import NotebookClient
from websocket import WebSocketBadStatusException

DIAL = pathlib.Path(__file__).resolve().parents[1] / "apps/dial.py"
PAGE = f"https://ada.{HUB}/user/ada/dial/"


@pytest.fixture
def lab(person) -> Iterator[NotebookClient]:
    """The server of a person who has uploaded her program."""
    ada = person("ada")
    lab = ada.start()
    body = {"type": "file", "format": "text", "content": DIAL.read_text()}
    lab.put("api/contents/dial.py", body).raise_for_status()
    yield lab
    ada.stop()


def test_a_page_that_lives_from_a_websocket_answers_in_a_browser(host, lab: NotebookClient, address: str) -> None:
    with browser(host.backend.host, address, HUB) as page:
        page.goto(PAGE)
        log_in(page, "ada")
        page.wait_for_selector("text=seven times that is 42")
        page.fill("#number", "9")
        page.wait_for_selector("text=seven times that is 63")
        assert page.url == PAGE
        page.screenshot(path=LOGS / "browser-app-subdomain.png")


def test_who_is_not_logged_in_reaches_neither_page_nor_websocket(lab: NotebookClient, person) -> None:
    stranger = person().enter("ada")
    stranger.url = lab.url
    assert stranger.http.get(PAGE, allow_redirects=False, timeout=30).status_code == 302
    with pytest.raises(WebSocketBadStatusException, match="403"):
        stranger.websocket("dial/websocket/")


def test_a_page_is_on_no_other_name(lab: NotebookClient) -> None:
    """On the hub's own name it could read what the hub tells its visitor."""
    answer = lab.http.get(f"https://{HUB}/user/ada/dial/", allow_redirects=False, timeout=30)
    assert answer.status_code in (302, 404)
    assert "seven times" not in answer.text
