"""Every file of the benchmarks still finds what it borrows from the tests' own clients."""

from __future__ import annotations

import importlib
import pathlib

import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.mark.parametrize("name", sorted(file.stem for file in BENCHMARKS.glob("[a-z]*.py")))
def test_can_be_imported(name):
    assert importlib.import_module(name)
