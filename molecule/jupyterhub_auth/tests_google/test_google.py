"""Google's authenticator, with the provider's pages and tokens and an interface as Google's beside it."""

from __future__ import annotations

import pytest


def test_a_listed_person_is_let_in_by_address(traveller) -> None:
    ada = traveller()
    assert ada.enters("octo-ada")
    assert ada.me()["name"] == "ada", "ada@example.org"


@pytest.mark.parametrize("name", ["bob", "ada", "grace"])
def test_wrong_credentials_are_refused(traveller, name: str) -> None:
    """Who is listed no more, who has the name in another domain, and who is listed but never proved the address."""
    assert not traveller().enters(name)
