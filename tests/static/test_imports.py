"""Packages import downwards only, and docs/architecture.md shows how."""

from __future__ import annotations

import pathlib
import runpy

import pytest

SCRIPT = runpy.run_path(str(pathlib.Path(__file__).parents[2] / "script/imports"))


def test_packages_import_downwards() -> None:
    assert SCRIPT["problems"](SCRIPT["imports"]()) == []


@pytest.mark.parametrize(
    ("graph", "problem"),
    [
        ({"module_utils._files": {"module_utils._releases"}}, "module_utils._files imports module_utils._releases"),
        ({"module_utils._files": {"module_utils._process"}}, "module_utils._files imports module_utils._process"),
        ({"module_utils._new": {"module_utils._files"}}, "module_utils._new has no layer"),
    ],
)
def test_a_wrong_arrow_is_found(graph: dict[str, set[str]], problem: str) -> None:
    assert [text.startswith(problem) for text in SCRIPT["problems"](graph)] == [True]


def test_the_page_shows_the_graph() -> None:
    text = SCRIPT["PAGE"].read_text()
    assert text == SCRIPT["page"](text, SCRIPT["imports"]()), "run script/imports --write"
