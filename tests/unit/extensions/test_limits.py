"""What a user's server may use."""

from __future__ import annotations

import pytest
from nbops_jupyterhub.limits import amount, limits_of

EVERYBODY = {"memory_max": "2G", "cpu_quota": "150%"}
BY_GROUP = {
    "staff": {"memory_max": "8G", "cpu_quota": "100%"},
    "gpu": {"memory_max": "8192K", "tasks_max": 500},
    "night": {"tasks_max": 1000},
}
BY_USER = {"ada": {"memory_max": "1M"}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(500, 500), ("500", 500), ("150%", 150), ("1K", 2**10), ("3M", 3 * 2**20), ("2G", 2**31), ("1T", 2**40), ("0", 0)],
)
def test_an_amount(value: str | int, expected: int) -> None:
    assert amount(value) == expected


@pytest.mark.parametrize("value", ["", "G", "2g", "1.5G", "-1", "2 G", "2GB", "infinity", True, "2G\n"])
def test_what_is_no_amount(value: object) -> None:
    with pytest.raises(ValueError, match="is no limit"):
        amount(value)


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("bob", [], {"memory_max": 2**31, "cpu_quota": 150}),
        ("bob", ["others"], {"memory_max": 2**31, "cpu_quota": 150}),
        # A group's limits stand for everybody's, also lower ones.
        ("bob", ["staff"], {"memory_max": 2**33, "cpu_quota": 100}),
        # Of several groups the most generous one counts, by number and not by text, for each limit on its own.
        ("bob", ["gpu", "staff", "night"], {"memory_max": 2**33, "cpu_quota": 100, "tasks_max": 1000}),
        ("bob", ["night"], {"memory_max": 2**31, "cpu_quota": 150, "tasks_max": 1000}),
        # A user's own limits come before all others, also lower ones.
        ("ada", ["staff"], {"memory_max": 2**20, "cpu_quota": 100}),
    ],
)
def test_the_nearest_limits_count(user: str, groups: list[str], expected: dict[str, int]) -> None:
    assert limits_of(user, groups, EVERYBODY, BY_GROUP, BY_USER) == expected


def test_without_limits_there_are_none() -> None:
    assert limits_of("ada", ["staff"], {}, {}, {}) == {}
