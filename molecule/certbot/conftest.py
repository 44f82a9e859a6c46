"""Fixtures of this scenario's tests."""

from __future__ import annotations

import pytest
from authority import root
from visitor import Visitor


@pytest.fixture
def visitor(host, address: str) -> Visitor:
    """Who trusts the authority, and nobody else."""
    return Visitor(address, root(host))
