"""Which numbers are people's."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts.people import is_person


@pytest.mark.parametrize(
    ("uid", "answer"),
    [
        (0, False),
        (999, False),
        (1000, True),
        (60000, True),
        (60001, False),
        (65534, False),
        (65535, False),
        (65536, True),
    ],
)
def test_whose_account_is_a_persons(uid: int, answer: bool) -> None:
    assert is_person(uid) is answer
