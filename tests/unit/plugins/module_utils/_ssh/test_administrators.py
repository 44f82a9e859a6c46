"""Who can be an administrator of a host, and what has to change for it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    Group,
    Host,
    mark,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.administrators import KIND, host_problems, plan

HASH = "$6$salt$0123456789abcdef"
OURS = mark(KIND)


def person(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "state": "present",
        "authorized_keys": [],
        "sudo": "nopasswd",
        "password_hash": "",
        "unix_groups": [],
        "home": "keep",
        **more,
    }


def host(*accounts: Account) -> Host:
    groups = [Group("adm", 4, ("ada",)), Group("staff", 50)]
    return Host({account.name: account for account in accounts}, {group.name: group for group in groups})


ADA = Account("ada", 1000, 1000, home="/home/ada", shadow=HASH)


def problems(who: dict[str, Any], *accounts: Account, homes: tuple[str, ...] = ("/home/ada",)) -> str:
    return "\n".join(host_problems([who], host(*accounts), "/home/{}".format, homes.__contains__, "ansible"))


@pytest.mark.parametrize(
    ("who", "accounts", "problem"),
    [
        (person("www-data"), [Account("www-data", 33, 33, home="/home/ada")], "is an account of the system (uid 33)"),
        (person("ansible", state="absent"), [], "is the account of this connection"),
        (person("ada", state="absent"), [Account("ada", 5000, 5000, local=False)], "has its account elsewhere"),
        (person("ada", state="absent", home="remove"), [ADA], "this role did not make"),
        (person("adm"), [], "there is a group of this name"),
        (person("ada"), [], "/home/ada is there, but no account"),
        (person("bob"), [Account("bob", 1001, 1001, home="/home/bob")], "has no home"),
        (person("bob", sudo="password"), [], "sudo asks for a password, and there is none"),
        (person("ada", sudo="password"), [Account("ada", 1000, 1000, home="/home/ada", shadow="!")], "there is none"),
        (person("bob", unix_groups=["wizards"]), [], "there is no group wizards"),
    ],
)
def test_what_cannot_be_is_told(who: dict[str, Any], accounts: list[Account], problem: str) -> None:
    assert problem in problems(who, *accounts)


@pytest.mark.parametrize(
    "who", [person("ada", sudo="password"), person("ada", unix_groups=["adm"]), person("ada", state="absent")]
)
def test_what_can_be_is_not(who: dict[str, Any]) -> None:
    assert problems(who, ADA) == ""


def test_a_new_account_is_made_with_all_it_has() -> None:
    found = plan([person("bob", password_hash=HASH, unix_groups=["staff"])], host(), lambda _path: False)
    assert (found.create, found.homes, found.passwords) == ({"bob": ["staff"]}, ["bob"], {"bob": HASH})


def test_an_account_that_is_right_is_left_alone() -> None:
    found = plan([person("ada", password_hash=HASH, unix_groups=["adm"])], host(ADA), lambda _path: True)
    assert not found.created()
    assert not found.changed()


def test_who_leaves_is_locked_once_and_who_comes_back_is_not() -> None:
    locked = Account("ada", 1000, 1000, home="/home/ada", shadow=f"!{HASH}", expires="1")
    assert plan([person("ada", state="absent")], host(ADA), lambda _path: True).lock == ["ada"]
    assert plan([person("ada", state="absent")], host(locked), lambda _path: True).lock == []
    assert plan([person("ada")], host(locked), lambda _path: True).unlock == ["ada"]
    assert plan([person("never", state="absent")], host(), lambda _path: True).changed() == []


def test_the_home_of_an_account_of_ours_goes_and_nobody_gets_its_uid() -> None:
    ours, leaving = Account("ada", 1000, 1000, OURS, "/home/ada"), [person("ada", state="absent", home="remove")]
    assert problems(*leaving, ours) == ""
    assert plan(leaving, host(ours), lambda _path: True).remove == {"ada": False}
    locked = dataclasses.replace(ours, expires="1")
    # An interrupted removal is completed.
    assert plan(leaving, host(locked), lambda path: path == "/home/.ada.removed").remove == {"ada": False}
    assert plan(leaving, host(locked), lambda _path: False).remove == {}
    again = plan([person("ada")], host(locked), lambda _path: False)
    assert (again.create, again.homes, again.unlock) == ({}, ["ada"], ["ada"])


def test_who_goes_with_the_home_leaves_the_groups() -> None:
    ours = Account("ada", 1000, 1000, OURS, "/home/ada")
    groups = {
        "adm": Group("adm", 4, ("ada", "bob")),
        "staff": Group("staff", 50, ("ada",), local=False),
        "bobs": Group("bobs", 1001, ("bob",)),
    }
    found = plan([person("ada", state="absent", home="remove")], Host({"ada": ours}, groups), lambda _path: True)
    assert found.leave == {"adm": ["ada"]}
