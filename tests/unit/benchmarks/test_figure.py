"""The table of results."""

from __future__ import annotations

import pytest
from figure import BEGIN, END, HEADING, RATIO, Figure, with_results


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.mark.parametrize(
    ("figure", "row"),
    [
        (Figure("memory", 80.136, "MB"), ["memory", "80.14 MB", "", ""]),
        (Figure("memory", 80.136, "MB", most=100), ["memory", "80.14 MB", "at most 100 MB", "yes"]),
        (Figure("ours / theirs", 2.0, RATIO, most=2), ["ours / theirs", "2.00 times", "at most 2 times", "yes"]),
        (Figure("ours / theirs", 2.001, RATIO, most=2), ["ours / theirs", "2.00 times", "at most 2 times", "no"]),
        (
            Figure("ours / theirs", 0.95, RATIO, least=0.95),
            ["ours / theirs", "0.95 times", "at least 0.95 times", "yes"],
        ),
        (Figure("ours / theirs", 0.9, RATIO, least=0.95), ["ours / theirs", "0.90 times", "at least 0.95 times", "no"]),
        (Figure("changed tasks", 0, most=0), ["changed tasks", "0", "at most 0", "yes"]),
    ],
)
def test_a_row_has_figure_measurement_target_and_verdict(figure: Figure, row: list[str]) -> None:
    assert cells(str(figure)) == row


def test_rows_are_as_wide_as_the_heading() -> None:
    names, rule = HEADING.splitlines()
    assert len(names) == len(rule) == len(str(Figure("name", 1.0, RATIO, least=0.95)))


def test_results_replace_what_is_between_the_marks() -> None:
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_results(readme, ["new", "rows"])
    assert once == f"before\n{BEGIN}\nnew\nrows\n{END}\nafter\n"
    assert with_results(once, ["new", "rows"]) == once
