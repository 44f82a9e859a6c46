"""What becomes of Unix accounts, from what is declared and what is there."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    AccountPlan,
    Group,
    Host,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.plan import plan_accounts, with_hashes
from people import HASH, HUB, host, ours, strangers, user

MISSING = ("/missing", "/.missing.removed", "/half")
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
            host(ours(**RETIRED), jupyterhub=("ada",), gpu=("ada",)),
            AccountPlan(remove={"ada": True}, leave={"gpu": ["ada"], HUB: ["ada"]}),
            id="archive",
        ),
        pytest.param(
            [user(state="absent", home="delete")],
            host(ours(), jupyterhub=("ada",)),
            AccountPlan(remove={"ada": False}, leave={HUB: ["ada"]}),
            id="delete",
        ),
        pytest.param(
            [user(state="absent", home="delete")],
            host(ours(home="/missing", **RETIRED), jupyterhub=()),
            AccountPlan(),
            id="an account without home keeps its uid",
        ),
        pytest.param(
            [user(state="absent", home="archive")],
            host(ours(home="/half", **RETIRED), jupyterhub=()),
            AccountPlan(remove={"ada": True}),
            id="a removal that was interrupted",
        ),
        pytest.param(
            [user()],
            host(ours(home="/missing", **RETIRED), jupyterhub=()),
            AccountPlan(homes=["ada"], unlock=["ada"], join={HUB: ["ada"]}),
            id="back again without a home",
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
    assert plan_accounts(users, now, HUB, lambda path: path not in MISSING) == expected


@pytest.mark.parametrize(
    ("declared", "now", "hashes"),
    [
        pytest.param(user(password="right"), host(ours(shadow="of right")), "of right", id="unchanged"),
        pytest.param(user(password="new"), host(ours(shadow="of right")), "of new", id="changed"),
        pytest.param(user(password="new"), host(), "of new", id="a new account"),
        pytest.param(user(password="right"), host(ours(shadow="!of right")), "of right", id="locked"),
        pytest.param(user(), host(ours(shadow="of right")), "", id="none is declared"),
        pytest.param(user(password_hash=HASH), host(ours(shadow="of right")), HASH, id="a hash is declared"),
    ],
)
def test_a_password_is_hashed_anew_only_where_it_has_changed(declared: dict, now: Host, hashes: str) -> None:
    [found] = with_hashes(
        *([declared], now),
        matches=lambda password, stored: stored == f"of {password}",
        hashed=lambda password: f"of {password}",
    )
    assert found == {**declared, "password_hash": hashes}
