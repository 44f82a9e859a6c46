"""Sign-up, and an administrator who says whom to let in."""

from __future__ import annotations

import pytest
from hub_client import HubClient

PASSWORD = "correct horse battery"
MINE = "a stranger's choice"


def sign_up(person: HubClient, name: str, password: str = MINE) -> str:
    person.get("signup").raise_for_status()
    page = person.url + "signup"
    form = {"username": name, "signup_password": password, "signup_password_confirmation": password}
    answer = person.http.post(page, data={**form, "_xsrf": person.xsrf}, headers={"Referer": page}, timeout=60)
    assert answer.status_code == 200
    return answer.text


def test_a_signed_up_person_waits_for_the_administrator(resident) -> None:
    linus, grace = resident(), resident("grace")
    assert "sent to the admin" in sign_up(linus, "linus")
    assert not linus.login("linus", MINE)
    assert "linus" in grace.get("authorize").text
    assert linus.get("authorize/linus").status_code == 403
    grace.get("authorize/linus").raise_for_status()
    assert not linus.login("linus", "wrong")
    assert linus.login("linus", MINE)
    assert linus.get("authorize").status_code == 403
    grace.get("authorize/linus").raise_for_status()
    assert not resident().login("linus", MINE), "taken back"


def test_a_stranger_cannot_sign_up_with_a_listed_name(resident) -> None:
    stranger = resident()
    assert "sent to the admin" in sign_up(stranger, "ada")
    assert not stranger.login("ada", MINE)
    assert "already in use" in sign_up(stranger, "grace")
    assert not stranger.login("grace", MINE)
    grace = resident("grace")
    grace.get("discard/ada").raise_for_status()
    assert "ada" not in grace.get("authorize").text


@pytest.mark.parametrize(("name", "password"), [("grace", "wrong"), ("nobody", PASSWORD), ("ada", PASSWORD)])
def test_wrong_credentials_are_refused(resident, name: str, password: str) -> None:
    assert not resident().login(name, password)


def test_a_short_password_is_refused(resident) -> None:
    assert "at least 12 characters" in sign_up(resident(), "mary", "short")
