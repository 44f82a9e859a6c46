"""Certificates for the tests, by the real openssl."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificate import make_certificate, make_key

Pair = tuple[bytes, bytes]


@pytest.fixture(scope="session")
def new_pair() -> Callable[..., Pair]:
    """Makes a certificate and its key."""

    def make(names: Sequence[str] = ("a.org",), days: int = 90, issuer: Pair | None = None) -> Pair:
        key = make_key("ecdsa")
        return make_certificate(list(names), days, key, issuer), key

    return make


@pytest.fixture(scope="session")
def authority() -> Pair:
    key = make_key("ecdsa")
    return make_certificate(["Test authority"], 365, key, authority=True), key


@pytest.fixture(scope="session")
def pairs(new_pair: Callable[..., Pair]) -> list[Pair]:
    """Three certificates for a.org, each with a key of its own."""
    return [new_pair() for _ in range(3)]
