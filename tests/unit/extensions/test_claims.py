"""Who gets what a server needs."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

UIDS = {"ada": 1000, "bob": 1001}


@pytest.fixture
def claims(hub: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hub waits for ada's job 7."""
    module = importlib.import_module("nbops_jupyterhub.claims")
    monkeypatch.setattr(module, "uid_of", UIDS.get)
    monkeypatch.setattr(module, "waiting", {7: SimpleNamespace(user=SimpleNamespace(name="ada"))})
    return module


def test_a_person_claims_the_own_job(claims: Any) -> None:
    assert claims.claimed(1000, {"job": 7}) is claims.waiting[7]


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        (1001, {"job": 7}),
        (0, {"job": 7}),
        (1000, {"job": 8}),
        (1000, {"job": "7"}),
        (1000, {"job": [7]}),
        (1000, {}),
    ],
)
def test_nobody_claims_what_is_not_theirs(claims: Any, uid: int, said: dict) -> None:
    with pytest.raises(ValueError, match="has no job"):
        claims.claimed(uid, said)


def test_somebody_without_an_account_claims_nothing(claims: Any) -> None:
    claims.waiting[7].user.name = "gone"
    with pytest.raises(ValueError, match="has no job"):
        claims.claimed(1000, {"job": 7})


def test_munge_says_who_it_was(claims: Any) -> None:
    assert claims.parsed(b'UID:              1000\n\n{"job": 7}') == (1000, {"job": 7})


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"UID: 1000",
        b"UID: 1000\n\n[7]",
        b"UID: 1000\n\nno JSON",
        b"GID: 1000\n\n{}",
        b'\n\nUID: 1000\n\n{"job": 7}',
        b"UID: ada\n\n{}",
    ],
)
def test_anything_else_is_no_proof(claims: Any, answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"proof|JSON|Expecting|int"):
        claims.parsed(answer)
