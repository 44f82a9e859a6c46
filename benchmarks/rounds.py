"""Compare ways to the same end by running them in turn, so that other work on the machine slows all of them alike."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

Result = TypeVar("Result")


def in_turn(ways: Mapping[str, Callable[[], Result]], rounds: int) -> dict[str, list[Result]]:
    """What each way returned in each round. Every second round runs the ways in reverse order."""
    results: dict[str, list[Result]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
            results[name].append(ways[name]())
    return results


def ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """The median of the ratios of the rounds. Each ratio compares two results of the same round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
