"""Fixtures of this scenario's tests."""

from __future__ import annotations

import pytest
from hub import HUB
from visitor import Visitor


@pytest.fixture
def stranger(host, address: str) -> Visitor:
    """Somebody without an account."""
    return Visitor(address, host.file(f"/etc/ssl/jupyter/{HUB}/fullchain.pem").content_string)
