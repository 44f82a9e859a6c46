"""Hashes of passwords, by the library of this machine."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import passwords
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import HASH

# `openssl passwd -6 -salt nbopsnbops 'correct horse battery'`
OF_OTHERS = "$6$nbopsnbops$MCMEpcTYlnUOvlAIqwTS6LGeu9UKaysol2BLnSZ9.lm0/BVPOTDHAzvfTsCas4ptIOpqaIxNY2qXVCJw8LHzi0"


@pytest.mark.parametrize("password", ["correct horse", "pässwörter 密码", "a" * 511, "with:colon%and$dollar"])
def test_a_new_hash_is_of_its_password_and_of_no_other(password: str) -> None:
    made = passwords.hashed(password)
    assert HASH.fullmatch(made)
    assert passwords.matches(password, made)
    assert not passwords.matches(f"{password[:-1]}x", made)
    assert passwords.hashed(password) != made


def test_hashes_that_other_tools_made_are_understood() -> None:
    assert passwords.matches("correct horse battery", OF_OTHERS)
    assert not passwords.matches("correct horse", OF_OTHERS)


@pytest.mark.parametrize("stored", ["", "!", "*", f"!{OF_OTHERS}", "$nonsense$", "$6$\udce4"])
def test_what_is_no_hash_or_locked_matches_nothing(stored: str) -> None:
    assert not passwords.matches("correct horse battery", stored)


@pytest.mark.parametrize(
    "text", ["short", "a" * 512, " correct horse", "correct horse\n", "correct\0horse", "co\trrect h"]
)
def test_what_no_login_form_passes_on_is_no_password(text: str) -> None:
    assert not passwords.is_password(text)


def test_a_host_without_the_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "LIBRARY", "libnowhere.so.1")
    with pytest.raises(passwords.PasswordError, match="library of password hashes is missing on this host"):
        passwords.hashed("correct horse")
