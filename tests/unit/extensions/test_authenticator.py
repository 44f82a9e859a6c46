"""What people are called here, and who may have a server."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets.config import Config

LISTED = {"ada"}
MADE = {"grace"}
UIDS = {"kate": 1001, "Kate": 1002, "bob": 1003, "carol": 1004}


@pytest.fixture
def make(hub: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    module = importlib.import_module("nbops_jupyterhub.authenticator")
    monkeypatch.setattr(module, "is_listed", lambda name, group: group == "jupyterhub" and name in LISTED)
    monkeypatch.setattr(module, "is_made", lambda name, group: group == "jupyterhub" and name in MADE)
    monkeypatch.setattr(module, "uid_of", UIDS.get)

    def make(path: str = "house.HouseAuthenticator", **options: object) -> Any:
        ours = {"account_group": "jupyterhub", **options}
        made = module.with_our_rules(path)(config=Config({"ListedAuthenticator": ours}))
        made.there = lambda name: made.normalize_username(module.NameThere(name))
        return made

    return make


PAM = "jupyterhub.auth.PAMAuthenticator"


@pytest.mark.parametrize("path", ["house.HouseAuthenticator", PAM])
@pytest.mark.parametrize("name", ["\u212aate", "k\u0430te", "carol.service", "a b", "a:b", "-ada", ""])
def test_what_is_no_name_of_an_account_is_refused_before_it_is_folded(make, path: str, name: str) -> None:
    authenticator = make(path, ignore_case=True)
    for judge in (authenticator.there, authenticator.normalize_username):
        with pytest.raises(HTTPError, match="is no name of an account of this host") as raised:
            judge(name)
        assert raised.value.status_code == 403


def test_two_names_that_differ_in_case_are_two_people_where_nobody_says_otherwise(make) -> None:
    with pytest.raises(HTTPError, match="Kate would become kate here"):
        make().there("Kate")
    assert make().there("kate") == "kate"
    assert make(ignore_case=True).there("Kate") == "kate"


def test_the_host_knows_whether_two_names_are_one_account(make) -> None:
    with pytest.raises(HTTPError, match="Kate would become kate"):
        make(PAM).there("Kate")
    # As a directory that takes both for the same answers.
    assert make(PAM).there("Bob") == "bob"


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("ada", "ada"),
        # No account of the host is called so.
        ("ADA", "ada"),
        # A directory takes both for the same.
        ("Bob", "bob"),
        # Another account, which has its own password, and is refused by the name after that.
        ("Kate", "Kate"),
        ("a b", "a b"),
    ],
)
def test_pam_is_asked_for_the_account_that_a_name_leads_to(make, typed: str, asked: str) -> None:
    authenticator = make(PAM)
    authenticator.known_to_pam = {asked}
    found = asyncio.run(authenticator.authenticate(None, {"username": typed, "password": "secret"}))
    assert found == asked
    authenticator.known_to_pam = {"nobody"}
    assert asyncio.run(authenticator.authenticate(None, {"username": typed, "password": "secret"})) is None


def test_the_map_takes_a_name_as_it_is_there(make) -> None:
    authenticator = make(accounts={"Ada Lovelace": "ada", "octo": "bob", "Kate": "carol"})
    assert authenticator.there("Ada Lovelace") == "ada"
    assert authenticator.there("octo") == "bob"
    assert authenticator.there("Kate") == "carol"
    assert authenticator.there("kate") == "kate"
    with pytest.raises(HTTPError, match="On this host ada is somebody else"):
        authenticator.there("ada")


@pytest.mark.parametrize("path", ["house.HouseAuthenticator", PAM])
@pytest.mark.parametrize(("name", "covered"), [("ada", True), ("eve", False)])
def test_servers_are_for_those_who_are_listed(make, path: str, name: str, covered: bool) -> None:
    assert asyncio.run(make(path).covers(name)) == covered


def test_elsewhere_a_rule_gives_nobody_an_account_that_is_somebodys(make) -> None:
    """Whoever is let in by a rule has the account that the hub made for them."""
    authenticator = make()
    authenticator.allowed_users = {"eve"}
    assert not asyncio.run(authenticator.covers("eve"))
    assert asyncio.run(authenticator.covers("grace"))


def test_with_pam_the_rule_in_force_is_asked(make) -> None:
    authenticator = make(PAM)
    assert not asyncio.run(authenticator.covers("grace"))
    authenticator.allowed_users = {"eve"}
    assert asyncio.run(authenticator.covers("eve"))
    authenticator.allow_all = True
    assert asyncio.run(authenticator.covers("mallory"))


@pytest.mark.parametrize("path", ["house.HouseAuthenticator", PAM])
def test_who_is_blocked_has_none(make, path: str) -> None:
    authenticator = make(path)
    authenticator.blocked_users = {"ada"}
    assert not asyncio.run(authenticator.covers("ada"))


def test_who_was_let_in_is_remembered(make) -> None:
    authenticator = make()
    assert asyncio.run(authenticator.get_authenticated_user(None, "eve")) is None
    assert asyncio.run(authenticator.get_authenticated_user(None, "ada")) == {"name": "ada"}
    assert authenticator.admitted == {"ada"}


@pytest.mark.parametrize(
    ("method", "site", "is_refused"),
    [
        ("POST", "cross-site", True),
        ("POST", "same-site", True),
        ("POST", "same-origin", False),
        ("POST", None, False),
        ("GET", "cross-site", False),
    ],
)
def test_a_form_comes_from_the_own_page(make, method: str, site: str | None, is_refused: bool) -> None:
    handler = importlib.import_module("nbops_jupyterhub.authenticator").LoginHandler()
    handler.request = SimpleNamespace(method=method, headers={"Sec-Fetch-Site": site} if site else {}, remote_ip="::1")
    login = make().get_authenticated_user(handler, "ada")
    if is_refused:
        with pytest.raises(HTTPError, match="own page"):
            asyncio.run(login)
    else:
        assert asyncio.run(login) == {"name": "ada"}
