"""The extension of every person's server, with the parts of Jupyter that it touches made by hand."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Callable
from types import SimpleNamespace

import nbops_singleuser
import pytest
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine
from tornado.web import HTTPError
from traitlets.config import Config

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


@pytest.fixture
def browse(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pathlib.Path]:
    """Starts a server with shared folders, and returns the directory in which it links to them."""
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(nbops_singleuser, "has_own_group", lambda: False)

    def start(**folders: list[str]) -> pathlib.Path:
        app = SimpleNamespace(
            config=Config({"SharedFolders": folders}),
            root_dir=str(tmp_path / "home"),
            log=SimpleNamespace(warning=lambda *_words: None),
        )
        nbops_singleuser.link_shared_folders(app)
        return tmp_path / "home/shared"

    return start


def test_the_file_browser_leads_to_what_is_shared(tmp_path: pathlib.Path, browse: Callable[..., pathlib.Path]) -> None:
    (tmp_path / "course").mkdir()
    course = str(tmp_path / "course")
    for _time in range(2):
        links = browse(shown=[course, str(tmp_path / "not-there")])
        assert [(link.name, str(link.readlink())) for link in links.iterdir()] == [("course", course)]
    assert list(browse(hidden=[course]).iterdir()) == []


def test_a_folder_that_its_person_may_not_read_has_no_link(
    tmp_path: pathlib.Path, browse: Callable[..., pathlib.Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "course").mkdir()
    links = browse(shown=[str(tmp_path / "course")])
    monkeypatch.setattr(nbops_singleuser.os, "access", lambda _path, _mode: False)
    assert list(browse(shown=[str(tmp_path / "course")]).iterdir()) == []
    assert links.is_dir()


def test_what_a_person_has_there_stays(tmp_path: pathlib.Path, browse: Callable[..., pathlib.Path]) -> None:
    (tmp_path / "course").mkdir()
    links = tmp_path / "home/shared"
    links.write_text("mine")
    assert browse(shown=[str(tmp_path / "course")]).read_text() == "mine"
    links.unlink()
    links.mkdir()
    (links / "course").symlink_to("elsewhere")
    for folders in ({"shown": [str(tmp_path / "course")]}, {"hidden": [str(tmp_path / "course")]}):
        assert str((browse(**folders) / "course").readlink()) == "elsewhere"


@pytest.mark.parametrize(
    ("group", "members", "umask"), [("ada", [], 0o007), ("ada", ["bob"], None), ("users", [], None), (None, [], None)]
)
def test_files_are_open_to_the_own_group_where_a_folder_is_shared_and_nobody_else_is_in_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, group: str | None, members: list[str], umask: int | None
) -> None:
    """Otherwise the homes of people with one group would be open to each other."""

    def getgrgid(_gid: int) -> object:
        return SimpleNamespace(gr_name=group, gr_mem=members) if group else {}["none"]

    (tmp_path / "course").mkdir()
    masks: list[int] = []
    monkeypatch.setattr(nbops_singleuser, "os", SimpleNamespace(**{**vars(os), "umask": masks.append}))
    monkeypatch.setattr(nbops_singleuser.pwd, "getpwuid", lambda _uid: SimpleNamespace(pw_name="ada"))
    monkeypatch.setattr(nbops_singleuser.grp, "getgrgid", getgrgid)
    for folders in ({}, {"shown": [str(tmp_path / "nothing")]}, {"shown": [str(tmp_path / "course")]}):
        app = SimpleNamespace(config=Config({"SharedFolders": folders}), root_dir=str(tmp_path))
        nbops_singleuser.link_shared_folders(app)
    assert masks == ([umask] if umask else [])


class Body(HTTPMessageDelegate):
    """A handler that notes what of a body arrives."""

    def __init__(self) -> None:
        self.body, self.is_finished = b"", False

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def finish(self) -> None:
        self.is_finished = True


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        ({}, True),
        ({"Content-Length": "1048576"}, True),
        ({"Content-Length": "1048577"}, False),
        ({"Content-Length": "a lot"}, False),
        ({"Transfer-Encoding": "chunked"}, False),
    ],
)
def test_of_strangers_no_large_body_is_kept(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], is_kept: bool
) -> None:
    for known in True, False:

        async def is_known(_app: object, _request: object, known: bool = known) -> bool:
            return known

        monkeypatch.setattr(nbops_singleuser, "is_known", is_known)
        handler = Body()
        app = SimpleNamespace(web_app=SimpleNamespace(find_handler=lambda _request, handler=handler: handler))
        nbops_singleuser.keep_no_large_body_of_strangers(app)
        found = app.web_app.find_handler(SimpleNamespace(headers=HTTPHeaders(headers)))
        started = found.headers_received(RequestStartLine("PUT", "/", "HTTP/1.1"), HTTPHeaders(headers))
        if started is not None:
            asyncio.run(started)
        found.data_received(b"bytes")
        found.finish()
        assert handler.body == (b"bytes" if known or is_kept else b"")
        assert handler.is_finished
