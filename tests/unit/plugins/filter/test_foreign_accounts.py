"""Whose files would be somebody else's on another host."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.filter.foreign_accounts import foreign_accounts

ADA, BOB = "ada:x:2001:2001:Ada:/home/ada:/bin/bash", "bob:x:2002:100::/home/bob:/bin/sh"


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ([BOB, ADA], []),
        ([ADA], ["bob (2002 on hub, none on node1)"]),
        ([ADA.replace("2001:2001", "2001:50"), BOB], []),
        ([ADA, "bob:x:2003:100::/home/bob:/bin/sh"], ["bob (2002 on hub, 2003 on node1)"]),
        ([], ["ada (2001 on hub, none on node1)", "bob (2002 on hub, none on node1)"]),
    ],
    ids=["the same", "one is missing", "another group", "another number", "nobody"],
)
def test_people_need_the_same_number_on_both_hosts(there: list[str], told: list[str]) -> None:
    assert foreign_accounts(["ada", "bob"], {"hub": [ADA, BOB], "node1": there}) == told


def test_on_one_host_an_account_is_enough() -> None:
    assert foreign_accounts(["ada", "eve"], {"hub": [ADA]}) == ["eve (none on hub)"]
