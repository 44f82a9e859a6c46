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
