"""Profiles: who may have which, what the form says, and what comes back."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError

SMALL = {"name": "small", "title": "One processor", "limits": {"memory_max": "1536M", "cpu_quota": "100%"}}
LARGE = {"name": "large", "groups": ["staff"], "limits": {"cpu_quota": "150%"}, "description": 'For <b>"models"</b>'}
PLAIN = {"name": "plain", "default": True, "default_url": "/tree", "environment": {"OMP_NUM_THREADS": "2"}}
ALL = [SMALL, LARGE, PLAIN]


class Page(HTMLParser):
    """What somebody without JavaScript has of a form: radio buttons by value, and the texts by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.buttons: dict[str, dict] = {}
        self.labels: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._tag, self._place = "", ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        named = dict(attrs)
        self._tag, self._place = tag, named.get("for") or named.get("id", "")
        if tag == "input":
            self.buttons[named["value"]] = named

    def handle_data(self, data: str) -> None:
        if data.strip():
            (self.labels if self._tag == "label" else self.texts)[self._place] = data


@pytest.fixture
def spawner(hub: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes a spawner of a member of some groups, who has chosen something."""
    module = importlib.import_module("nbops_jupyterhub.spawner")
    monkeypatch.setattr(importlib.import_module("nbops_jupyterhub.sockets"), "_hub_speaks_sockets", lambda: False)
    monkeypatch.setattr(module, "pwd", SimpleNamespace(getpwnam=lambda name: SimpleNamespace(pw_dir=f"/home/{name}")))

    def make(*groups: str, profiles: list | None = None, **options: object) -> Any:
        user = SimpleNamespace(name="ada", groups=[SimpleNamespace(name=group) for group in groups])
        made = module.BoundedSystemdSpawner(user, None)
        made.profiles, made.user_options = ALL if profiles is None else profiles, options
        return made

    return make


def page(spawner: Any) -> Page:
    return Page(asyncio.run(spawner.get_options_form()))


def test_the_form_has_what_one_may_have(spawner) -> None:
    assert list(page(spawner()).buttons) == ["small", "plain"]
    assert list(page(spawner("staff", "others")).buttons) == ["small", "large", "plain"]


def test_each_button_has_a_label_and_what_it_gives(spawner) -> None:
    shown = page(spawner("staff"))
    for name, button in shown.buttons.items():
        assert (button["type"], button["name"], button["id"]) == ("radio", "profile", f"profile-{name}")
    assert shown.labels == {"profile-small": "One processor", "profile-large": "large", "profile-plain": "plain"}
    assert shown.texts[shown.buttons["small"]["aria-describedby"]] == "1.5 GiB of memory; 1 processor"
    assert shown.texts[shown.buttons["large"]["aria-describedby"]] == 'For <b>"models"</b>; 1.5 processors'
    assert "aria-describedby" not in shown.buttons["plain"]


@pytest.mark.parametrize(
    ("sandbox", "said"),
    [
        ("no_internet", "no internet"),
        ("no_loopback", "no services of the hub's machine"),
        ("air_gapped", "no network"),
    ],
)
def test_a_person_reads_what_a_server_lacks(spawner, sandbox: str, said: str) -> None:
    exam = {"name": "exam", "limits": {"cpu_quota": "100%"}, "sandbox": sandbox}
    shown = page(spawner(profiles=[PLAIN, exam]))
    assert shown.texts[shown.buttons["exam"]["aria-describedby"]] == f"1 processor; {said}"


@pytest.mark.parametrize(
    ("last", "checked"), [({}, "plain"), ({"profile": "small"}, "small"), ({"profile": "large"}, "plain")]
)
def test_the_last_choice_is_made_already_as_far_as_it_is_still_there(spawner, last: dict, checked: str) -> None:
    buttons = page(spawner(**last)).buttons
    assert [name for name, button in buttons.items() if "checked" in button] == [checked]


@pytest.mark.parametrize("profiles", [[PLAIN], [LARGE], [LARGE, PLAIN]])
def test_without_a_choice_there_is_no_form(spawner, profiles: list) -> None:
    assert asyncio.run(spawner(profiles=profiles).get_options_form()) == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"profile": "huge"}, "There is no such profile for you. Choose one of: small, plain."),
        ({"profile": "large"}, "There is no such profile for you. Choose one of: small, plain."),
        ({"profile": ["small"]}, "There is no such profile for you. Choose one of: small, plain."),
        ({"profile": {"name": "small"}}, "There is no such profile for you. Choose one of: small, plain."),
        ({"profile": "small", "mem_limit": "64G"}, "A server here has the one option 'profile': small, plain."),
    ],
)
def test_what_is_not_offered_is_refused(spawner, options: dict, told: str) -> None:
    made = spawner(**options)
    with pytest.raises(HTTPError) as raised:
        made._judge()(made, options)
    assert (raised.value.status_code, raised.value.log_message) == (400, told)


def test_who_may_have_none_is_told(spawner) -> None:
    with pytest.raises(HTTPError, match="No profile of this hub is for you"):
        spawner(profiles=[LARGE]).profile()


def test_without_a_choice_the_default_counts_for_who_may_have_it(spawner) -> None:
    assert spawner().profile() == PLAIN
    assert spawner(profiles=[SMALL, {**LARGE, "default": True}]).profile() == SMALL


def test_the_environment_and_the_page_are_the_profiles(spawner) -> None:
    environment = spawner(profile="plain").get_env()
    assert (environment["OMP_NUM_THREADS"], environment["JUPYTERHUB_DEFAULT_URL"]) == ("2", "/tree")
    assert "OMP_NUM_THREADS" not in spawner(profile="small").get_env()


def test_without_profiles_options_are_anybody_elses(spawner) -> None:
    made = spawner(profiles=[], image="x")
    assert made.profile() == {}
    assert asyncio.run(made.get_options_form()) == "the administrator's own form"


def test_a_form_comes_back_as_options(spawner) -> None:
    read = spawner()._read_form()
    assert read({"profile": ["small"], "x": ["a", "b"]}) == {"profile": "small", "x": ["a", "b"]}
