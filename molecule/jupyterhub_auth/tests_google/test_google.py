"""Google's authenticator, with the provider's pages and tokens and an interface as Google's beside it."""

from __future__ import annotations

import pytest


def test_who_is_listed_is_let_in_by_the_address(traveller) -> None:
    ada = traveller()
    assert ada.enters("octo-ada")
    assert ada.me()["name"] == "ada", "ada@example.org"


@pytest.mark.parametrize("name", ["bob", "ada", "grace"])
def test_who_is_refused(traveller, name: str) -> None:
    """Who is listed no more, who has the name in another domain, and who is listed but never proved the address."""
    assert not traveller().enters(name)
