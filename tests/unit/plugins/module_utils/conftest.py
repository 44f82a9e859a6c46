"""Certificates for the tests, by the real openssl."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import make_certificate, make_key
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner

Pair = tuple[bytes, bytes]


def run(argv: Sequence[str], data: bytes | None) -> tuple[int, bytes, bytes]:
    done = subprocess.run(argv, input=data, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


runner.run_by(run)


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
    return [new_pair() for dummy in range(3)]
