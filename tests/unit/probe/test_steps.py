"""How far a visit follows the way to a provider, with a hub and a provider of these tests' own."""

from __future__ import annotations

import http.server
import pathlib
import threading
from collections.abc import Iterator

import pytest
import requests
import steps


class Answers(http.server.BaseHTTPRequestHandler):
    """A hub that leads to /authorize on the same server, and a provider there. Each may fail."""

    hub, provider = 302, 200

    def do_GET(self) -> None:
        is_hub = self.path == "/hub/oauth_login"
        self.send_response(self.hub if is_hub else self.provider)
        if is_hub:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/authorize?state=secret")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keeps silent."""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> type[Answers]:
    """What the server answers; a test may say it."""
    monkeypatch.setattr(Answers, "hub", 302)
    monkeypatch.setattr(Answers, "provider", 200)
    return Answers


@pytest.fixture
def visit(answers: type[Answers], tmp_path: pathlib.Path) -> Iterator[steps.Visit]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield steps.Visit({"url": f"http://127.0.0.1:{server.server_address[1]}/hub/"}, str(tmp_path))
        server.shutdown()


def test_the_page_of_a_provider_comes(visit: steps.Visit) -> None:
    assert visit.at_provider() == ("skip", f" The page of 127.0.0.1:{visit.port} comes.")


def test_a_provider_that_answers_this_host_otherwise_is_a_warning(visit: steps.Visit, answers: type[Answers]) -> None:
    answers.provider = 400
    state, text = visit.at_provider()
    assert state == "warn"
    assert f"leads to 127.0.0.1:{visit.port}, which does not answer as it should (HTTP 400)" in text
    assert "secret" not in text


def test_a_hub_that_leads_nobody_on_fails_the_step(visit: steps.Visit, answers: type[Answers]) -> None:
    answers.hub = 500
    with pytest.raises(requests.HTTPError):
        visit.at_provider()
