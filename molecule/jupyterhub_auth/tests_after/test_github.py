"""GitHub's authenticator, with the provider's pages and tokens and an interface as GitHub's beside it."""

from __future__ import annotations

ACME = {"organizations": ["acme"], "hd": "example.org", "verified_email": True}


def test_a_member_of_the_organization_is_let_in_and_a_former_one_is_not(traveller, change) -> None:
    """GitHub is asked about the name there; the one that she has here is somebody else's there."""
    person = traveller()
    assert person.enters("octo-ada")
    assert person.me()["name"] == "eve"
    change("octo-ada", attributes={**ACME, "organizations": []})
    assert not traveller().enters("octo-ada")


def test_two_people_are_told_apart(traveller, change) -> None:
    assert not traveller().enters("eve")
    change("eve", attributes=ACME)
    person = traveller()
    assert person.enters("eve")
    assert person.me()["name"] == "lovelace"


def test_a_newly_listed_person_is_let_in(host, traveller) -> None:
    bob = traveller()
    assert bob.enters("bob")
    assert "jupyterhub-web" in host.user("bob").groups


def test_a_person_let_in_by_an_earlier_rule_is_refused(traveller) -> None:
    """Carol has a record, even as administrator, from the groups of the provider."""
    assert not traveller().enters("carol")
