"""What becomes of Unix accounts, from what is declared and what is there."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Group,
    Host,
    is_ours,
    mark,
    parse,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.plan import plan_accounts
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.problems import host_problems, input_problems

HUB = "jupyterhub"
HASH = "$y$j9T$abcdefgh$ijklmnop"


def user(name: str = "ada", **values: object) -> dict:
    defaults = {
        "state": "present",
        "admin": False,
        "groups": [],
        "unix_groups": [],
        "password_hash": "",
        "home": "keep",
    }
    return {"name": name, **defaults, **values}


def ours(name: str = "ada", **values: object) -> Account:
    return Account(name, 1001, 1001, **{"comment": mark(HUB), "home": f"/home/{name}", **values})


def strangers(name: str = "ada", **values: object) -> Account:
    return ours(name, **{"comment": "Ada", **values})


def host(*accounts: Account, **groups: tuple[str, ...]) -> Host:
    found = {name: Group(name, number, members) for number, (name, members) in enumerate(groups.items(), 2000)}
    return Host({account.name: account for account in accounts}, found)


RETIRED = {"shadow": f"!{HASH}", "expires": "1"}


@pytest.mark.parametrize(
    ("users", "now", "expected"),
    [
        pytest.param([], host(jupyterhub=()), AccountPlan(), id="nobody"),
        pytest.param([], host(), AccountPlan(groups={HUB: True}), id="nobody yet"),
        pytest.param(
            [user(unix_groups=["gpu"], password_hash=HASH)],
            host(),
            AccountPlan(
                groups={HUB: True, "gpu": False},
                create={"ada": ["gpu", HUB]},
                homes=["ada"],
                passwords={"ada": HASH},
            ),
            id="a fresh host",
        ),
        pytest.param(
            [user(unix_groups=["bob"]), user("bob", unix_groups=["bob"])],
            host(jupyterhub=()),
            AccountPlan(create={"ada": [HUB], "bob": [HUB]}, homes=["ada", "bob"], join={"bob": ["ada"]}),
            id="a group that comes with another account",
        ),
        pytest.param(
            [user(unix_groups=["gpu"], password_hash=HASH)],
            host(ours(shadow=HASH), jupyterhub=("ada",), gpu=("ada",)),
            AccountPlan(),
            id="all is well",
        ),
        pytest.param(
            [user(unix_groups=["gpu"])],
            host(ours(), jupyterhub=(), jupyterhub_b=("ada",), gpu=("bob",), games=("ada", "bob")),
            AccountPlan(join={"gpu": ["ada"], HUB: ["ada"]}, leave={"games": ["ada"], "jupyterhub_b": ["ada"]}),
            id="groups of ours are exact",
        ),
        pytest.param(
            [user()],
            Host({"ada": ours()}, {HUB: Group(HUB, 1, ("ada",)), "jupyterhub-b": Group("jupyterhub-b", 2, ("ada",))}),
            AccountPlan(),
            id="but for those of other hubs",
        ),
        pytest.param(
            [user(unix_groups=["gpu"])],
            host(strangers(), jupyterhub=(), gpu=(), games=("ada",)),
            AccountPlan(join={"gpu": ["ada"], HUB: ["ada"]}),
            id="groups of a stranger are added to",
        ),
        pytest.param(
            [user(unix_groups=["main"])],
            Host({"ada": ours()}, {HUB: Group(HUB, 1, ("ada",)), "main": Group("main", 1001)}),
            AccountPlan(),
            id="the account's own group needs no entry",
        ),
        pytest.param(
            [user(password_hash=HASH)],
            host(strangers(shadow="!"), jupyterhub=("ada",)),
            AccountPlan(passwords={"ada": HASH}),
            id="a password for a stranger",
        ),
        pytest.param(
            [user()],
            host(ours(home="/missing"), jupyterhub=("ada",)),
            AccountPlan(homes=["ada"]),
            id="an interrupted run",
        ),
        pytest.param(
            [user()],
            host(strangers(home="/missing"), jupyterhub=("ada",)),
            AccountPlan(),
            id="a stranger without home",
        ),
        pytest.param(
            [user()],
            host(ours(**RETIRED), jupyterhub=()),
            AccountPlan(unlock=["ada"], join={HUB: ["ada"]}),
            id="back again",
        ),
        pytest.param(
            [user()], host(strangers(**RETIRED), jupyterhub=("ada",)), AccountPlan(), id="a stranger stays locked"
        ),
        pytest.param([user(state="absent")], host(jupyterhub=()), AccountPlan(), id="never there"),
        pytest.param(
            [user(state="absent", unix_groups=["new"])],
            host(ours(), jupyterhub=("ada",), gpu=("ada",)),
            AccountPlan(lock=["ada"], leave={HUB: ["ada"]}),
            id="keep",
        ),
        pytest.param([user(state="absent")], host(ours(**RETIRED), jupyterhub=()), AccountPlan(), id="kept"),
        pytest.param(
            [user(state="absent", home="archive")],
            host(ours(**RETIRED), jupyterhub=("ada",)),
            AccountPlan(remove={"ada": True}),
            id="archive",
        ),
        pytest.param(
            [user(state="absent", home="delete")],
            host(ours(), jupyterhub=("ada",)),
            AccountPlan(remove={"ada": False}),
            id="delete",
        ),
        pytest.param(
            [user(state="absent", home="delete")],
            host(strangers(), jupyterhub=("ada",), gpu=("ada",)),
            AccountPlan(leave={HUB: ["ada"]}),
            id="a stranger only leaves",
        ),
    ],
)
def test_plan(users: list[dict], now: Host, expected: AccountPlan) -> None:
    assert plan_accounts(users, now, HUB, lambda path: path != "/missing") == expected


def test_names_of_a_plan() -> None:
    plan = AccountPlan(
        create={"new": []},
        homes=["new", "half"],
        join={"g": ["new", "joins"]},
        leave={"h": ["leaves", "gone"]},
        passwords={"joins": HASH},
        lock=["locked"],
        remove={"gone": True},
    )
    assert plan.created() == ["new"]
    assert plan.changed() == ["half", "joins", "leaves", "locked"]


def test_groups_after_a_plan() -> None:
    plan = AccountPlan(create={"new": [HUB]}, join={"g": ["new", "old"]}, leave={"h": ["old", "never"]})
    before = {"old": {"h", "i"}, "other": {"h"}}
    assert plan.groups_after(before) == {"old": {"g", "i"}, "other": {"h"}, "new": {HUB, "g"}, "never": set()}
    assert before == {"old": {"h", "i"}, "other": {"h"}}


def test_files_are_read() -> None:
    found = parse(
        "root:x:0:0:root:/root:/bin/bash\nada:x:1001:1002:Ada,,:/home/ada:/bin/sh\n+::::::\nhalf:x\n",
        "root:*:1:0:99999:7:::\nada:$y$x:1:0:99999:7::1:\n",
        "root:x:0:\ngpu:x:99:ada,bob\n",
    )
    assert found.accounts == {
        "root": Account("root", 0, 0, "root", "/root", True, "*"),
        "ada": Account("ada", 1001, 1002, "Ada,,", "/home/ada", True, "$y$x", "1"),
    }
    assert found.groups == {"root": Group("root", 0), "gpu": Group("gpu", 99, ("ada", "bob"))}
    assert found.groups_of() == {"ada": {"gpu"}, "bob": {"gpu"}}


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (ours(), True),
        (ours(comment=f"{mark(HUB)},room 1,,"), True),
        (ours(comment=f"Ada,{mark(HUB)}"), False),
        (ours(comment=mark("jupyterhub-b")), False),
        (ours(local=False), False),
    ],
)
def test_whose_an_account_is(account: Account, expected: bool) -> None:
    assert is_ours(account, HUB) is expected


@pytest.mark.parametrize(
    ("users", "options", "expected"),
    [
        ([user(), user("b.c-d")], {}, []),
        ([user("ada@example.org")], {"accounts": False}, []),
        ([user("ada@example.org")], {}, ["is no name of a Unix account"]),
        ([user("Ada")], {}, ["small letters"]),
        ([user("-ada")], {}, ["is no name"]),
        ([user("ada\n")], {}, ["is no name"]),
        ([user("")], {"accounts": False}, ["has no name"]),
        ([user(HUB)], {}, ["needs another name"]),
        ([user(), user()], {}, ["ada: is listed twice."]),
        ([user(password_hash="secret")], {}, ["password_hash is no hash"]),
        ([user(password_hash="$6$a$b\nroot:x")], {}, ["password_hash is no hash"]),
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
        ([user(password_hash=HASH)], host(strangers(local=False)), ["password elsewhere"]),
        ([user(unix_groups=["far"])], Host({}, {"far": Group("far", 5, local=False)}), ["group far is not in"]),
    ],
)
def test_host(users: list[dict], now: Host, expected: list[str]) -> None:
    found = host_problems(users, now, HUB, "/home/{}".format, lambda path: path == "/home/eve")
    assert len(found) == len(expected)
    assert all(text in problem for text, problem in zip(expected, found))
