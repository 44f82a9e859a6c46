"""The extension of every person's server, with the parts of Jupyter that it touches made by hand."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import nbops_singleuser
import pytest
from tornado.web import HTTPError

AWAY = HTTPError(500, "Failed to connect to Hub API at 'http://127.0.0.1:8081/hub/api'.")
SILENCE = object()


class Hub:
    """Answers with the next of its answers, or fails with it."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    async def _api_request(self, method: str, url: str, **named: object) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer is SILENCE:
            await asyncio.Event().wait()
        return answer


def ask(hub: Hub, *tokens: str, method: str = "GET") -> object:
    """The last answer, of one question for each token."""
    nbops_singleuser.outlive_the_hub(hub)
    for token in tokens or ("ada's",):
        answer = asyncio.run(hub._api_request(method, "user", headers={"Authorization": token}, allow_403=True))
    return answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbops_singleuser, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(nbops_singleuser, "ANSWER_SECONDS", 0.1)


def test_a_hub_that_restarts_is_asked_again() -> None:
    assert ask(Hub(AWAY, AWAY, {"name": "ada"})) == {"name": "ada"}


def test_a_hub_that_stays_away_is_an_error_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbops_singleuser, "PATIENCE_SECONDS", -1)
    for answer in (AWAY, SILENCE):
        with pytest.raises(HTTPError, match="503"):
            ask(Hub(answer))


def test_a_hub_that_says_nothing_is_not_waited_for() -> None:
    assert ask(Hub({"name": "ada"}, SILENCE), "ada's", "ada's") == {"name": "ada"}


def test_while_the_hub_is_away_its_last_answer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbops_singleuser, "PATIENCE_SECONDS", -1)
    assert ask(Hub({"name": "ada"}, None, {"name": "a"}, AWAY), "ada's", "eve's", "ada's", "ada's") == {"name": "a"}
    with pytest.raises(HTTPError):
        ask(Hub({"name": "ada"}, AWAY), "ada's", "bob's")
    with pytest.raises(HTTPError):
        ask(Hub({"access_token": "new"}, AWAY), "ada's", "ada's", method="POST")
    monkeypatch.setattr(nbops_singleuser, "REMEMBERED_ANSWERS", 1)
    with pytest.raises(HTTPError):
        ask(Hub({"name": "ada"}, {"name": "bob"}, AWAY), "ada's", "bob's", "ada's")


def test_an_old_answer_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbops_singleuser, "PATIENCE_SECONDS", -1)
    monkeypatch.setattr(nbops_singleuser, "BELIEVED_SECONDS", 0)
    with pytest.raises(HTTPError):
        ask(Hub({"name": "ada"}, AWAY), "ada's", "ada's")


def test_what_the_hub_says_is_believed_at_once() -> None:
    hub = Hub(HTTPError(500, "Permission failure checking authorization, I may need a new token"), {"name": "ada"})
    with pytest.raises(HTTPError, match="Permission failure"):
        ask(hub)
    assert hub.answers == [{"name": "ada"}]


def test_own_kernels_come_after_those_of_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    manager = SimpleNamespace(kernel_dirs=["/opt/jupyterhub/user/current/overlay/share/jupyter/kernels"])
    nbops_singleuser.show_own_kernels(SimpleNamespace(kernel_spec_manager=manager))
    assert manager.kernel_dirs[1:] == ["/home/ada/.local/share/jupyter/kernels"]


@pytest.mark.parametrize(("states", "noted"), [([], False), (["idle"], False), (["idle", "busy"], True)])
def test_a_kernel_that_computes_is_activity(states: list[str], noted: bool) -> None:
    settings: dict[str, object] = {}
    kernels = SimpleNamespace(list_kernels=lambda: [{"execution_state": state} for state in states])
    nbops_singleuser.note_activity(SimpleNamespace(kernel_manager=kernels, web_app=SimpleNamespace(settings=settings)))
    assert bool(settings) is noted
