"""Ways that are compared run in turn."""

from __future__ import annotations

from rounds import in_turn, ratio


def test_every_second_round_is_in_reverse_order() -> None:
    order = []

    def way(name: str):
        return lambda: order.append(name) or len(order)

    results = in_turn({"a": way("a"), "b": way("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert results == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_a_ratio_compares_results_of_one_round() -> None:
    # The ratio of the medians would be 1.
    assert ratio([2, 40, 6], [1, 10, 6]) == 2
