"""What a plan reports, and how it shows users before and after."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.model import (
    Account,
    AccountPlan,
    Group,
    Host,
    mark,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import HubState, Record, RecordPlan
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.users import UsersPlan
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.users_diff import (
    UserState,
    states_after,
    states_before,
    users_diff,
)

HUB = "jupyterhub"
RECORD = Record("ada")
OURS = Account("ada", 1001, 1001, mark(HUB), "/home/ada")
LOCKED = Account("ada", 1001, 1001, mark(HUB), "/home/ada", shadow="!", expires="1")
FOREIGN = Account("ada", 1001, 1001, "Ada", "/home/ada")


def users_plan(account: Account | None = None, archives: tuple[str, ...] = (), **changes: object) -> UsersPlan:
    """A plan for ada, who is in the group games, with these changes of accounts."""
    host = Host({"ada": account} if account else {}, {"games": Group("games", 60, ("ada",))})
    packed = {name: f"/var/{name}.tar.gz" for name in archives}
    return UsersPlan(HubState({"ada": RECORD}), RecordPlan(), host, AccountPlan(**changes), HUB, packed)


@pytest.mark.parametrize(
    ("plan", "before", "after"),
    [
        pytest.param(users_plan(OURS, lock=["ada"]), "ours", "ours, locked", id="locked"),
        pytest.param(users_plan(LOCKED, unlock=["ada"]), "ours, locked", "ours", id="unlocked"),
        pytest.param(users_plan(FOREIGN), "of the host", "of the host", id="foreign"),
        pytest.param(users_plan(OURS, remove={"ada": False}), "ours", "ours, locked, home removed", id="removed"),
        pytest.param(
            users_plan(OURS, ("ada",), remove={"ada": True}), "ours", "ours, locked, home packed", id="packed"
        ),
        pytest.param(users_plan(create={"ada": [HUB]}, homes=["ada"]), "none", "ours", id="created"),
        pytest.param(users_plan(), "none", "none", id="never"),
    ],
)
def test_accounts_before_and_after(plan: UsersPlan, before: str, after: str) -> None:
    states = states_before(["ada"], plan)
    assert (states["ada"].account, states_after(states, plan)["ada"].account) == (before, after)


def test_groups_are_only_those_of_an_account() -> None:
    plan = users_plan(create={"ada": [HUB]}, join={"gpu": ["ada"]})
    states = states_before(["ada"], plan)
    assert states["ada"].unix_groups is None
    assert states_after(states, plan)["ada"].unix_groups == {HUB, "gpu", "games"}
    plan = users_plan(OURS, remove={"ada": False})
    states = states_before(["ada"], plan)
    assert states["ada"].unix_groups == {"games"}
    assert states_after(states, plan)["ada"].unix_groups == {"games"}


def test_without_accounts_there_are_only_records() -> None:
    records = RecordPlan(create={True: ["bob"]}, remove=["ada"])
    plan = UsersPlan(HubState({"ada": RECORD}), records, None, AccountPlan(), HUB, {})
    states = states_before(["ada", "bob"], plan)
    assert states == {"ada": UserState(RECORD), "bob": UserState(None)}
    assert states_after(states, plan) == {"ada": UserState(None), "bob": UserState(Record("bob", True))}


@pytest.mark.parametrize(
    ("account", "before", "after"),
    [
        (OURS, "home: missing", "home: /home/ada"),
        (OURS, "password: another one", "password: as declared"),
        (None, "password: none", "password: as declared"),
    ],
)
def test_home_and_password_are_shown_where_they_change(account: Account | None, before: str, after: str) -> None:
    changes = {"homes": ["ada"]} if "home" in before else {"passwords": {"ada": "$6$hash"}}
    if account is None:
        changes["create"] = {"ada": []}
    (diff,) = users_diff(["ada"], users_plan(account, **changes))
    assert (diff["before"].splitlines()[-1].strip(), diff["after"].splitlines()[-1].strip()) == (before, after)
    assert "$6$" not in str(diff)
    (diff,) = users_diff(["ada"], users_plan(OURS, lock=["ada"]))
    assert "home" not in str(diff)
    assert "password" not in str(diff)


def test_only_users_who_change_are_shown() -> None:
    assert users_diff(["ada"], users_plan(OURS)) == []
    (diff,) = users_diff(["ada", "bob"], users_plan(OURS, groups={"gpu": False}, lock=["bob"]))
    assert diff["before"].startswith("bob:\n")
    assert diff["after"].startswith("new Unix groups: [gpu]\nbob:\n")
    assert "ada" not in str(diff)


@pytest.mark.parametrize(
    ("records", "accounts", "expected"),
    [
        (RecordPlan(), AccountPlan(), False),
        (RecordPlan(new_groups=["g"]), AccountPlan(), True),
        (RecordPlan(remove=["ada"]), AccountPlan(), True),
        (RecordPlan(), AccountPlan(groups={HUB: True}), True),
        (RecordPlan(), AccountPlan(lock=["ada"]), True),
    ],
)
def test_whether_something_changes(records: RecordPlan, accounts: AccountPlan, expected: bool) -> None:
    plan = UsersPlan(HubState(), records, Host({}, {}), accounts, HUB, {})
    assert plan.changes() is expected
