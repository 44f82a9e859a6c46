"""The tests of this scenario can fail: on a broken deployment they do, in the right place."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).parent.parent / "tests"


def test_verify_finds_a_broken_deployment(request: pytest.FixtureRequest) -> None:
    options = [
        str(argument) for argument in request.config.invocation_params.args if "tests_after" not in str(argument)
    ]
    chosen = ["-k", "websocket or wrong_password", "--tb=no"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *chosen, TESTS], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1, run.stdout
    failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
    assert failed, run.stdout
    assert all("test_a_cell_runs_over_the_websocket" in line for line in failed)
