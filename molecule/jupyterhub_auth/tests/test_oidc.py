"""OpenID Connect: the whole way, by a browser's steps, through a provider that is a process of its own."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from waiting import wait_until


def test_a_member_of_a_group_works_as_an_account_of_their_own(host, traveller) -> None:
    bob = traveller()
    assert bob.enters("bob")
    assert bob.me()["groups"] == ["staff"], "the provider's groups are the hub's"
    assert not bob.me()["admin"]
    with bob.start().kernel() as kernel:
        assert kernel.run("import getpass; print(getpass.getuser())") == "bob"
    bob.stop()
    assert "jupyterhub-web" not in host.user("bob").groups, "let in by a rule, and not listed"


@pytest.mark.parametrize("name", ["eve", "octo-eve"])
def test_a_person_in_no_group_and_on_no_list_is_refused(traveller, name: str) -> None:
    assert not traveller().enters(name)


def test_a_wrong_password_is_refused_by_the_provider(traveller) -> None:
    assert not traveller().enters("bob", "wrong")


def test_a_group_of_the_provider_makes_administrators(traveller) -> None:
    carol = traveller()
    assert carol.enters("carol")
    assert carol.me()["admin"]
    assert carol.request("GET", "users").status_code == 200


def test_a_listed_person_gets_the_mapped_account(traveller) -> None:
    ada = traveller()
    assert ada.enters("octo-ada")
    assert ada.me()["name"] == "ada"


def test_a_stranger_with_the_name_of_an_account_is_refused(traveller) -> None:
    """Of the staff, too, whom the rule lets in."""
    stranger = traveller()
    answer = stranger.send(stranger.ask(), "ada")
    assert answer.status_code == 403
    assert "somebody else" in answer.text
    assert stranger.get("api/user").status_code == 403


def test_the_name_of_an_account_of_the_host_opens_nothing_of_it(traveller) -> None:
    mallory = traveller()
    assert mallory.enters("mallory")
    answer = mallory.request("POST", "users/mallory/server")
    assert "not for the hub" in answer.text or wait_until(lambda: "not for the hub" in mallory.get("home").text)


def test_a_removed_person_is_logged_out_and_refused(traveller, change) -> None:
    bob = traveller()
    assert bob.enters("bob")
    change("bob", groups=["games"])
    wait_until(lambda: bob.get("api/user").status_code == 403)
    assert not traveller().enters("bob"), "a record from a former login is no permission"


def test_an_unsolicited_answer_of_the_provider_is_refused(traveller) -> None:
    """The way back from the provider: in another browser, with another state, and a second time."""
    bob, mallory = traveller(), traveller()
    back = bob.send(bob.ask(), "bob", allow_redirects=False).headers["Location"]
    mallory.ask()
    assert mallory.http.get(back, timeout=60).status_code == 400
    assert bob.http.get(back, timeout=60).status_code == 200
    assert bob.me()["name"] == "bob"
    assert bob.http.get(back, timeout=60).status_code == 400

    back = mallory.send(mallory.ask(), "mallory", allow_redirects=False).headers["Location"]
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert mallory.http.get(back.replace(state, state[:-8] + state[-8:][::-1]), timeout=60).status_code == 400
    assert mallory.get("api/user").status_code == 403


def test_the_hub_proves_that_it_is_who_asked(traveller) -> None:
    """PKCE, without which this provider gives no code."""
    asked = parse_qs(urlsplit(traveller().ask().history[-1].headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["https://hub.example.org:8443/web/hub/oauth_callback"]
