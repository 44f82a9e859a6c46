"""What a rescue says of the task that failed."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.filter.failure_reason import failure_reason

LOOP = "One or more items failed"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"failed": True, "msg": "The disk is full."}, "The disk is full."),
        (
            {
                "failed": True,
                "msg": LOOP,
                "results": [
                    {"failed": False, "msg": "OK (1 byte)"},
                    {"changed": True},
                    {"failed": True, "msg": "The disk is full."},
                    {"failed": True, "msg": "The index is away."},
                    {"failed": True, "msg": "The disk is full."},
                ],
            },
            "The disk is full.\nThe index is away.",
        ),
        ({"failed": True, "results": [{"failed": True}]}, "Build it failed."),
        ({"failed": True}, "Build it failed."),
    ],
)
def test_the_reason_is_that_of_what_failed(result: dict, told: str) -> None:
    assert failure_reason(result, {"name": "Build it"}) == told
