"""What becomes of the kernels of a host. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

from typing import Any

import pytest
from models import plan, problems, require_golden, require_words

MAXIMAL = {
    "kernels_path": "/srv/kernels",
    "kernels_specs": [
        {"name": "analysis", "language": "python", "packages": ["pandas"], "group": "staff", "env": {"A": "1"}},
        {"name": "conda", "language": "python", "prefix": "/opt/conda", "display_name": "Conda", "metadata": {"a": 1}},
        {"name": "octave", "language": "octave", "system_packages": ["octave-statistics"]},
        {"name": "r", "language": "r"},
        {"name": "shell", "language": "bash"},
        {"name": "julia", "language": "julia", "argv": ["julia", "{connection_file}"], "interrupt_mode": "message"},
        {"name": "old", "state": "absent"},
    ],
    "kernels_installers": [
        {"path": "/opt/miniforge", "url": "https://a.org/installer.sh", "sha256": "a" * 64},
        {"path": "/opt/old", "state": "absent"},
    ],
}


def kernel(**changes: Any) -> dict[str, Any]:
    return {"kernels_specs": [{"name": "analysis", "language": "python", **changes}]}


def test_the_plan_of_one_kernel() -> None:
    require_golden("kernels-minimal", plan("kernels", kernel()))


def test_the_plan_of_kernels_that_say_everything() -> None:
    require_golden("kernels-maximal", plan("kernels", MAXIMAL))


def test_what_makes_no_sense_is_told_in_words() -> None:
    require_words("kernels", MAXIMAL)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"name": "a" * 63}, 0),
        ({"name": "a" * 64}, 1),
        ({"name": "python3"}, 1),
        ({"language": ""}, 1),
        ({"prefix": "/opt"}, 0),
        ({"prefix": "/home/ada/env"}, 1),
        ({"prefix": "/opt/x", "packages": ["pandas"]}, 1),
        ({"python": "/home/ada/python"}, 1),
        ({"group": "Staff"}, 1),
        ({"env": {"A": 1}}, 1),
        ({"packages": ["./local"]}, 1),
        ({"lock": "/none"}, 1),
        ({"language": "julia", "argv": ["julia"]}, 1),
        ({"language": "r", "group": "staff"}, 1),
    ],
)
def test_boundaries(changes: dict[str, Any], count: int) -> None:
    assert len(problems("kernels", kernel(**changes))) == count
