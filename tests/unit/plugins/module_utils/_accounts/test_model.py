"""What the files of a host say of its accounts, and what a plan says of itself."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Group,
    is_ours,
    mark,
    parse,
)
from people import HASH, HUB, ours


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
