"""What becomes of a hub's records, from what is declared and what is there."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import Record, RecordPlan, plan_records


def user(name: str = "ada", **values: object) -> dict:
    return {"name": name, "state": "present", "admin": False, "groups": [], **values}


@pytest.mark.parametrize(
    ("users", "records", "groups", "expected"),
    [
        pytest.param([user()], [Record("ada")], set(), RecordPlan(), id="all is well"),
        pytest.param(
            [user(groups=["g", "h", "g"]), user("bob", admin=True, groups=["g"]), user("eve")],
            [],
            {"g"},
            RecordPlan(
                create={False: ["ada", "eve"], True: ["bob"]},
                join={"g": ["ada", "bob"], "h": ["ada"]},
                new_groups=["h"],
            ),
            id="new",
        ),
        pytest.param([user(admin=True)], [Record("ada")], set(), RecordPlan(admin={"ada": True}), id="promoted"),
        pytest.param([user()], [Record("ada", True)], set(), RecordPlan(admin={"ada": False}), id="no longer admin"),
        pytest.param(
            [user(groups=["g"])],
            [Record("ada", groups=frozenset("hi")), Record("bob", groups=frozenset("h"))],
            {"g", "h", "i"},
            RecordPlan(join={"g": ["ada"]}, leave={"h": ["ada"], "i": ["ada"]}),
            id="other groups",
        ),
        pytest.param(
            [user(state="absent", groups=["x"]), user("never", state="absent")],
            [Record("ada", servers=("",))],
            set(),
            RecordPlan(remove=["ada"]),
            id="gone",
        ),
    ],
)
def test_plan(users: list[dict], records: list[Record], groups: set[str], expected: RecordPlan) -> None:
    assert plan_records(users, {record.name: record for record in records}, groups, True) == expected


def test_groups_of_the_authenticator_are_left_alone() -> None:
    records = {"ada": Record("ada", groups=frozenset({"theirs"}))}
    assert plan_records([user(), user("bob")], records, set(), False) == RecordPlan(create={False: ["bob"]})


def test_administrators_of_the_authenticator_are_left_alone() -> None:
    records = {"ada": Record("ada", admin=True)}
    assert plan_records([user(), user("bob")], records, set(), True, False) == RecordPlan(create={False: ["bob"]})


def test_names_of_a_plan() -> None:
    plan = RecordPlan(
        create={True: ["new"], False: ["too"]},
        admin={"other": False},
        join={"g": ["new", "joins"]},
        leave={"h": ["leaves", "other"]},
    )
    assert plan.created() == ["new", "too"]
    assert plan.changed() == ["other", "joins", "leaves"]
    assert plan.admins() == ["new", "other"]


USERS = [
    user(groups=["g", "h"]),
    user("bob", admin=True, groups=["g"]),
    user("eve", state="absent"),
    user("never", state="absent"),
    user("zoe"),
]
RECORDS = {
    "ada": Record("ada", True, frozenset("hi")),
    "eve": Record("eve"),
    "zoe": Record("zoe"),
    "other": Record("other", True, frozenset("g")),
}


def test_records_after_a_plan() -> None:
    before = dict(RECORDS)
    assert plan_records(USERS, before, {"g", "h", "i"}, True).records_after(before) == {
        "ada": Record("ada", False, frozenset("gh")),
        "bob": Record("bob", True, frozenset("g")),
        "zoe": Record("zoe"),
        "other": RECORDS["other"],
    }
    assert before == RECORDS


@pytest.mark.parametrize("manage_groups", [True, False])
@pytest.mark.parametrize("manage_admins", [True, False])
def test_after_a_plan_nothing_is_left_to_do(manage_groups: bool, manage_admins: bool) -> None:
    groups, options = {"g", "h", "i"}, (manage_groups, manage_admins)
    after = plan_records(USERS, RECORDS, groups, *options).records_after(RECORDS)
    assert plan_records(USERS, after, groups, *options) == RecordPlan()
