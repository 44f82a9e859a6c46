"""A directory: slapd, over TLS whose certificate is verified."""

from __future__ import annotations

import pytest

PASSWORD = "correct horse battery"


def test_a_member_of_the_group_is_let_in(resident) -> None:
    bob = resident("bob")
    assert bob.request("GET", "user").json()["name"] == "bob"


@pytest.mark.parametrize(
    ("name", "password"), [("bob", "wrong"), ("bob", ""), ("eve", PASSWORD), ("nobody", PASSWORD), ("*", PASSWORD)]
)
def test_wrong_credentials_are_refused(resident, name: str, password: str) -> None:
    """A wrong password, none, one who is outside of the group, an unknown name, and a pattern."""
    assert not resident().login(name, password)


def test_a_listed_person_outside_of_the_group_is_let_in_by_the_mapped_name(resident) -> None:
    ada = resident("countess")
    assert ada.request("GET", "user").json()["name"] == "ada"
    assert ada.request("GET", "users").status_code == 200, "an administrator"


def test_a_stranger_with_the_name_of_an_account_is_refused(resident) -> None:
    """Of the group, too, which lets in."""
    assert not resident().login("ada", "another password")


def test_a_former_member_of_the_group_is_refused(host, resident) -> None:
    resident("bob")
    change = "dn: cn=staff,dc=nodomain\nchangetype: modify\n{}: member\nmember: uid=bob,ou=people,dc=nodomain\n"
    host.check_output("printf %s | ldapmodify -Y EXTERNAL -H ldapi:///", change.format("delete"))
    assert not resident().login("bob", PASSWORD)
    host.check_output("printf %s | ldapmodify -Y EXTERNAL -H ldapi:///", change.format("add"))
    assert resident().login("bob", PASSWORD)


def test_a_directory_server_with_a_self_signed_certificate_gets_no_password(host, resident) -> None:
    """The host no longer trusts the certificate; the same password is right before and after."""
    trusted = "/usr/local/share/ca-certificates/hub.crt"
    host.check_output(f"mv {trusted} /root && update-ca-certificates")
    try:
        assert not resident().login("bob", PASSWORD)
    finally:
        host.check_output(f"mv /root/hub.crt {trusted} && update-ca-certificates")
    assert resident().login("bob", PASSWORD)


def test_the_hubs_of_one_host_have_lists_and_units_of_their_own(host, resident) -> None:
    assert host.service("jupyterhub-web").is_running
    assert host.service("jupyterhub-house").is_running
    assert resident("countess").request("GET", "users/octo-ada").status_code == 404
