"""Why users are refused, and that no message shows a password."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import Account, Group, Host
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.problems import (
    host_problems,
    input_problems,
    privilege_problems,
)
from people import HASH, HUB, host, ours, strangers, user


@pytest.mark.parametrize(
    ("users", "options", "expected"),
    [
        ([user(), user("b.c-d")], {}, []),
        ([user("ada@example.org")], {"accounts": False}, []),
        ([user("Ada@example.org")], {}, ["is no name of a Unix account"]),
        ([user("bob.service")], {}, ["is no name of a Unix account"]),
        ([user("x" * 256)], {}, ["is no name of a Unix account"]),
        ([user("ada@example.org"), user("20231234"), user("example\\ada"), user("x" * 255)], {}, []),
        ([user("Ada")], {}, ["small letters"]),
        ([user("-ada")], {}, ["is no name"]),
        ([user("ada\n")], {}, ["is no name"]),
        ([user("")], {"accounts": False}, ["has no name"]),
        ([user(HUB)], {}, ["needs another name"]),
        ([user(), user()], {}, ["ada: is listed twice."]),
        ([user(password_hash="secret")], {}, ["password_hash is no hash"]),
        ([user(password_hash="$6$a$b\nroot:x")], {}, ["password_hash is no hash"]),
        ([user(password="short")], {}, ["a password has at least 8 characters"]),
        ([user(password="correct\nroot:x")], {}, ["a password has at least 8 characters"]),
        ([user(password="correct horse", password_hash=HASH)], {}, ["has both password and password_hash"]),
        (
            [user(password_hash=HASH, unix_groups=["a"])],
            {"accounts": False},
            ["unix_groups is for", "password_hash is"],
        ),
        ([user(unix_groups=["a,b"])], {}, ["'a,b' is no name of a Unix group"]),
        ([user(groups=["g"])], {"manage_groups": False}, ["the authenticator manages them"]),
        ([user(groups=["g"], state="absent")], {"manage_groups": False}, []),
        ([user(groups=[""])], {}, ["has no name"]),
        ([], {"account_group": "a:b"}, ["account_group"]),
    ],
)
def test_input(users: list[dict], options: dict, expected: list[str]) -> None:
    arguments = {"account_group": HUB, "accounts": True, "manage_groups": True, **options}
    found = input_problems(users, **arguments)
    assert len(found) == len(expected)
    assert all(text in problem for text, problem in zip(expected, found))
    assert not any("secret" in problem or HASH in problem for problem in found)


@pytest.mark.parametrize(
    ("users", "now", "expected"),
    [
        ([user(), user("bob", state="absent")], host(strangers()), []),
        ([user("root"), user("www", state="absent")], host(Account("root", 0, 0), Account("www", 33, 33)), ["0", "33"]),
        ([user("nobody")], host(Account("nobody", 65534, 65534)), ["account of the system"]),
        ([user()], host(ada=()), ["a group of this name"]),
        ([user(state="absent")], host(ada=()), []),
        ([user("eve")], host(), ["/home/eve is there"]),
        ([user("20231234")], host(Account("20231234", 5001, 5001, local=False)), []),
        (
            [user("20231234"), user("ada@example.org"), user("x" * 33)],
            host(),
            ["20231234: this host knows no such account", "`id ada@example.org` shows it", "32 at most"],
        ),
        ([user("ada@example.org", state="absent")], host(), []),
        ([user(password_hash=HASH)], host(strangers(local=False)), ["password elsewhere"]),
        ([user(password="correct horse")], host(strangers(local=False)), ["leave password out"]),
        ([user()], host(strangers(home="/")), ["has no home for a server: / belongs to another account. Give"]),
        ([user(state="absent")], host(strangers(home="/")), []),
        ([user(unix_groups=["far"])], Host({}, {"far": Group("far", 5, local=False)}), ["group far is not in"]),
    ],
)
def test_host(users: list[dict], now: Host, expected: list[str]) -> None:
    found = host_problems(
        *(users, now, HUB, "/home/{}".format, lambda path: path == "/home/eve"),
        lambda account: "/ belongs to another account" if account.home == "/" else "",
    )
    assert len(found) == len(expected)
    assert all(text in problem for text, problem in zip(expected, found))


@pytest.mark.parametrize(
    ("users", "now", "group"),
    [
        ([user()], host(strangers(), sudo=("ada",)), "sudo"),
        ([user()], host(strangers(), games=("ada",)), ""),
        ([user()], Host({"ada": strangers()}, {"docker": Group("docker", 1001)}), "docker"),
        ([user(unix_groups=["libvirt"])], host(), "libvirt"),
        ([user(unix_groups=["staff"])], host(ours()), "staff"),
        # It leaves the group.
        ([user()], host(ours(), sudo=("ada",)), ""),
        ([user(state="absent")], host(strangers(), sudo=("ada",)), ""),
    ],
)
def test_nobody_who_may_become_root_has_a_server(users: list[dict], now: Host, group: str) -> None:
    """By a membership, by the account's own group, by what is declared."""
    found = privilege_problems(users, now, HUB)
    assert len(found) == bool(group)
    assert all(f"may become root of this host by the group {group}, and" in problem for problem in found)
