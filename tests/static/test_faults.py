"""docs/faults.md names only tests that are there, and every fault of the scenario `faults`."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/faults.md"
SCENARIO = "molecule/faults/tests/test_faults.py"
ROWS = {
    cells[0]: cells[1:]
    for cells in (
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.read_text().splitlines()[2:]
        if line.startswith("| ") and not line.startswith("| Fault ")
    )
}  # fmt: skip


def cited(cell: str) -> list[tuple[str, str]]:
    """The files that a cell names, each with every text that it quotes from there."""
    return [
        (file, text)
        for file, texts in re.findall(r'`([^`]+)`: ((?:"[^"]+"(?:, )?)+)', cell)
        for text in re.findall(r'"([^"]+)"', texts)
    ]


@pytest.mark.parametrize("fault", ROWS)
def test_each_fault_has_a_test_that_is_there(fault: str) -> None:
    *_words, cell = ROWS[fault]
    assert cited(cell)
    for file, text in cited(cell):
        assert text in (ROOT / file).read_text(), f"{file} does not know {text!r}"


def test_each_fault_of_the_scenario_is_on_the_page() -> None:
    made = re.findall(r'^    "([^"]+)": ', (ROOT / SCENARIO).read_text(), re.MULTILINE)
    told = {text for cells in ROWS.values() for file, text in cited(cells[-1]) if file == SCENARIO}
    assert made
    assert set(made) <= told
