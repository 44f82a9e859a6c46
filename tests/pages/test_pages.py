"""The pages that nginx has for a service which does not answer, in a browser."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jinja2
import pytest
from accessibility import barriers
from playwright.sync_api import Page, expect, sync_playwright

PAGES = pathlib.Path(__file__).resolve().parents[2] / "roles/nginx/templates/etc/nginx/nbops"
SILENT = {"error": (502, {}), "maintenance": (503, {"Retry-After": "300"})}


class Service(ThreadingHTTPServer):
    """nginx with one of the pages, until the service behind it answers with a status."""

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = jinja2.Template((PAGES / f"{name}.html.j2").read_text()).render(mark="").encode()
        self.status, self.headers = SILENT[name]
        self.asked = threading.Semaphore(0)

    def begin(self, status: int) -> None:
        self.status, self.headers, self.page = status, {"Location": "/login"}, b"<title>Service</title>"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_HEAD(self) -> None:
        self._answer()
        self.server.asked.release()

    def do_GET(self) -> None:
        self._answer()
        self.wfile.write(self.server.page)

    def _answer(self) -> None:
        status = 200 if self.path == "/login" else self.server.status
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium.new_page()
        chromium.close()


@pytest.fixture(params=SILENT)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    server = Service(request.param)
    threading.Thread(target=server.serve_forever, args=(0.02,)).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(tab: Page, service: Service) -> Page:
    tab.clock.install()
    tab.goto(f"http://127.0.0.1:{service.server_port}/user/ada/lab?reset")
    return tab


def test_nothing_is_in_the_way_of_people_who_listen_or_use_a_keyboard(page: Page) -> None:
    assert barriers(page) == []


@pytest.mark.parametrize("status", [200, 302, 401, 500, 503])
def test_the_page_goes_on_to_whatever_the_service_answers(page: Page, service: Service, status: int) -> None:
    service.begin(status)
    page.clock.fast_forward("01:00")
    expect(page).to_have_title("Service")


def test_the_page_stays_while_nothing_answers(page: Page, service: Service) -> None:
    page.evaluate("window.same = true")
    for _time in range(2):
        page.clock.fast_forward("01:00")
        assert service.asked.acquire(timeout=10)
    assert page.evaluate("window.same")
