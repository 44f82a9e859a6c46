"""What a user's server may use, from what is said for all, for groups and for users."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Limits = Mapping[str, "str | int"]

_AMOUNT = re.compile(r"(?P<number>[0-9]+)(?P<unit>[KMGT%]?)")
_UNITS = {"": 1, "%": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def amount(value: str | int) -> int:
    """The number that a limit stands for: bytes of `2G`, percent of `150%`, tasks of `500`.

    Raises ValueError for anything else.
    """
    match = _AMOUNT.fullmatch(str(value))
    if not match:
        raise ValueError(f"{value!r} is no limit")
    return int(match["number"]) * _UNITS[match["unit"]]


def limits_of(
    user: str, groups: Iterable[str], everybody: Limits, by_group: Mapping[str, Limits], by_user: Mapping[str, Limits]
) -> dict[str, int]:
    """The limits in force for a user: their own, else the most generous of their groups, else everybody's."""
    found = {name: amount(value) for name, value in everybody.items()}
    of_groups = [by_group[group] for group in groups if group in by_group]
    for name in {name for limits in of_groups for name in limits}:
        found[name] = max(amount(limits[name]) for limits in of_groups if name in limits)
    found.update({name: amount(value) for name, value in by_user.get(user, {}).items()})
    return found
