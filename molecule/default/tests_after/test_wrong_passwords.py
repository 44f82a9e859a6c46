"""What is last, because it leaves the tests no login for a while."""

from __future__ import annotations

import pytest
from authority import root
from visitor import Visitor


@pytest.mark.parametrize("path", ["/alice/login", "/shared/login"])
def test_attempts_to_log_in_are_limited(host, address: str, domain: str, path: str) -> None:
    visitor = Visitor(address, root(host))
    assert 429 in [visitor.ask(domain, path, "POST").status for dummy in range(10)]
    assert visitor.ask(domain, path).status == 200
