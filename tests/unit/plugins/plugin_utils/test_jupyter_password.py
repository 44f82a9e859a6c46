# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our hashes against jupyter_server's own code, in both directions.

An Argon2 hash at Jupyter's full cost takes about 0.1 s. So the thousands of generated passwords meet the digests, which
are the real thing there; Argon2 meets hundreds at reduced cost (64 KiB, 1 pass) and dozens at full cost.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils import _jupyter_password
from ansible_collections.nbops.jupyter.plugins.plugin_utils._jupyter_password import (
    ALGORITHMS,
    DIGESTS,
    hash_password,
    password_matches,
)
from argon2 import PasswordHasher, Type, low_level
from jupyter_server.auth.security import passwd, passwd_check

PASSWORD = "pass wörd 😀"
ALPHABETS = [
    range(0x20, 0x7F),  # ASCII
    range(0x01, 0x300),  # control characters, Latin
    [*range(0x41, 0x5B), *range(0x300, 0x340)],  # letters and combining marks: normalising would change them
    [*range(0x01, 0xD800), *range(0xE000, 0x10000)],  # all of the basic plane but the surrogates
    range(0x10000, 0x110000),  # four bytes each
]
REDUCED = PasswordHasher(time_cost=1, memory_cost=64, parallelism=8)


def generated(count: int, seed: str) -> Iterator[tuple[str, str]]:
    """Yield passwords of 1 to 4096 characters, most of them short, and each with one character changed."""
    rng = random.Random(seed)
    for dummy in range(count):
        characters = rng.choices(rng.choice(ALPHABETS), k=round(4096 ** rng.random()))
        password = "".join(map(chr, characters))
        position = rng.randrange(len(characters))
        characters[position] += 1 if chr(characters[position] + 1).isprintable() else -1
        yield password, "".join(map(chr, characters)).replace("\0", "?")


def argon2_hash(password: str = PASSWORD, **changes: object) -> str:
    """Return a hash with Jupyter's parameters but for `changes`."""
    parameters = {
        "salt": b"0123456789abcdef",
        "time_cost": 10,
        "memory_cost": 10240,
        "parallelism": 8,
        "hash_len": 32,
        "type": Type.ID,
    }
    return "argon2:" + low_level.hash_secret(password.encode(), **{**parameters, **changes}).decode()


def digest_hash(algorithm: str, password: str = PASSWORD, salt: str = "0123456789ab") -> str:
    return f"{algorithm}:{salt}:{hashlib.new(algorithm, (password + salt).encode()).hexdigest()}"


def agrees_with_jupyter(password: str, other: str, ours: str, theirs: str) -> bool:
    return (
        passwd_check(ours, password)
        and password_matches(theirs, password)
        and not passwd_check(ours, other)
        and not password_matches(theirs, other)
    )


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_digests_agree_with_jupyter_on_thousands_of_passwords(algorithm: str) -> None:
    for password, other in generated(400, seed=algorithm):
        assert agrees_with_jupyter(
            password, other, hash_password(password, algorithm), passwd(password, algorithm=algorithm)
        )


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_argon2_agrees_with_jupyter_at_reduced_cost(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_jupyter_password, "MEMORY_KIB", REDUCED.memory_cost)
    monkeypatch.setattr(_jupyter_password, "PASSES", REDUCED.time_cost)
    for password, other in generated(125, seed):
        # jupyter_server's passwd() knows one cost only; this is its line with another.
        assert agrees_with_jupyter(password, other, hash_password(password), f"argon2:{REDUCED.hash(password)}")


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_argon2_agrees_with_jupyter_at_full_cost(seed: str) -> None:
    for password, other in generated(6, seed):
        assert agrees_with_jupyter(password, other, hash_password(password), passwd(password))


@pytest.mark.parametrize("algorithm", ["argon2", "sha1"])
@pytest.mark.parametrize("password", ["x", "\U0010ffff", "x" * 4096, "\U0010ffff" * 4096], ids=len)
def test_shortest_and_longest_passwords(password: str, algorithm: str) -> None:
    ours = hash_password(password, algorithm)
    assert passwd_check(ours, password)
    assert password_matches(ours, password)


@pytest.mark.parametrize("algorithm", ["argon2", "sha1"])
def test_unicode_is_not_normalised(algorithm: str) -> None:
    composed, decomposed = "é", unicodedata.normalize("NFD", "é")
    stored = hash_password(composed, algorithm)
    assert (password_matches(stored, decomposed), passwd_check(stored, decomposed)) == (False, False)


def test_form_of_hashes() -> None:
    assert re.fullmatch(r"argon2:\$argon2id\$v=19\$m=10240,t=10,p=8\$[\w+/]{22}\$[\w+/]{43}", hash_password(PASSWORD))
    assert re.fullmatch(r"sha1:[0-9a-f]{12}:[0-9a-f]{40}", hash_password(PASSWORD, "sha1"))


@pytest.mark.parametrize("algorithm", ["argon2", "sha512"])
def test_salts_are_random_whatever_the_seed(algorithm: str) -> None:
    salts = set()
    for dummy in range(3):
        random.seed(0)
        salts.add(re.split("[$:]", hash_password(PASSWORD, algorithm))[-2])
    assert len(salts) == 3


@pytest.mark.parametrize(
    "changes",
    [{}, {"memory_cost": 20480}, {"time_cost": 11}, {"parallelism": 1}, {"salt": b"shortest", "hash_len": 16}],
    ids=str,
)
def test_current_argon2_is_kept_while_it_serves(changes: dict) -> None:
    current = argon2_hash(**changes)
    assert hash_password(PASSWORD, current=current) == current


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_current_digest_is_kept_while_it_serves(algorithm: str) -> None:
    current = digest_hash(algorithm)
    assert hash_password(PASSWORD, algorithm, current) == current


def replaced(algorithm: str, current: str | None) -> bool:
    replacement = hash_password(PASSWORD, algorithm, current)
    return (
        replacement != current and replacement.startswith(f"{algorithm}:") and bool(passwd_check(replacement, PASSWORD))
    )


@pytest.mark.parametrize(
    "changes",
    [{"memory_cost": 10239}, {"time_cost": 9}, {"type": Type.I}, {"version": 16}, {"password": "another"}],
    ids=str,
)
def test_current_argon2_that_is_weaker_or_of_another_password_is_replaced(changes: dict) -> None:
    assert replaced("argon2", argon2_hash(**changes))


@pytest.mark.parametrize(
    ("algorithm", "current"),
    [
        ("argon2", digest_hash("sha512")),
        ("argon2", "argon2:$argon2id$v=19$m=10240,t=10,p=8$"),
        ("sha512", "argon2:$argon2id$v=19$m=10240,t=10,p=8$"),
        ("sha512", digest_hash("sha256")),
        ("sha512", digest_hash("sha512", "another")),
        ("sha512", "sha512:"),
        *((algorithm, current) for algorithm in ("argon2", "sha512") for current in (None, "", "garbage", "\ud800")),
    ],
    ids=ascii,
)
def test_anything_else_in_current_is_replaced(algorithm: str, current: str | None) -> None:
    assert replaced(algorithm, current)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": Type.I, "memory_cost": 64},
        {"type": Type.D, "memory_cost": 64},
        {"version": 16, "memory_cost": 64},
        {"memory_cost": 65536, "time_cost": 3, "parallelism": 4},
        {"memory_cost": 8, "time_cost": 1, "parallelism": 1, "salt": b"shortest", "hash_len": 4},
        {"memory_cost": 64, "salt": b"longer" * 10, "hash_len": 64},
    ],
    ids=str,
)
def test_argon2_of_any_parameters_matches(changes: dict) -> None:
    stored = argon2_hash(**changes)
    for form in (stored, stored.replace("$v=16", "")):  # the first version of Argon2 did not write its number
        assert agrees_with_jupyter(PASSWORD, PASSWORD + "x", ours=form, theirs=form)


def test_hash_from_the_manual_of_jupyter_matches() -> None:
    assert password_matches("sha1:0e112c3ddfce:a68df677475c2b47b6e86d0467eec97ac5f4b85a", "mypassword")


@pytest.mark.parametrize(
    "whole", [argon2_hash(time_cost=1, memory_cost=64), digest_hash("sha256")], ids=lambda h: h[:6]
)
def test_damaged_hash_is_judged_as_by_jupyter(whole: str) -> None:
    rng = random.Random(whole[:6])
    for dummy in range(1000):
        start = rng.randrange(6, len(whole))  # behind the name: hashlib knows more names than we let pass
        insertion = rng.choice("$:,=/A0z\n\0é\ud800") * rng.randrange(2)
        damaged = whole[:start] + insertion + whole[start + rng.randrange(2) :]
        try:
            expected = passwd_check(damaged, PASSWORD)
        except ValueError:  # where jupyter_server would answer with an internal error
            expected = False
        assert password_matches(damaged, PASSWORD) is expected, damaged


@pytest.mark.parametrize(
    "stored",
    [
        "",
        ":",
        "::",
        "garbage",
        PASSWORD,
        "sha1",
        "sha1:0e112c3ddfce",
        "sha1:0e112c3ddfce:",
        "md5:0e112c3ddfce:" + "0" * 32,
        "shake_128:0e112c3ddfce:" + "0" * 32,
        "nonsense:0e112c3ddfce:" + "0" * 32,
        "argon2",
        "argon2:",
        "argon2:$argon2id",
        "argon2:$argon2x$v=19$m=64,t=1,p=8$c29tZXNhbHQ$" + "A" * 43,
        "argon2:$argon2id$v=20$m=64,t=1,p=8$c29tZXNhbHQ$" + "A" * 43,
        "argon2:$argon2id$v=19$m=64,t=0,p=8$c29tZXNhbHQ$" + "A" * 43,
        "argon2:$argon2id$v=19$m=64,t=1,p=8$c29tZXNhbH%$" + "A" * 43,
        "argon2:$argon2id$v=19$m=64,t=1,p=8$c29tZXNhbHQ$A",
        "argon2:$argon2id$v=19$m=64,t=1,p=8,keyid=AAAA$c29tZXNhbHQ$" + "A" * 43,
        "argon2:$argon2id$v=19$m=64,t=1,p=8,data=AAAA$c29tZXNhbHQ$" + "A" * 43,
        "argon2:$argon2id$v=19$m=4294967295,t=1,p=8$c29tZXNhbHQ$" + "A" * 43,
        "argon2:$argon2id$v=19$m=" + "9" * 5000 + ",t=1,p=8$c29tZXNhbHQ$" + "A" * 43,
    ],
    ids=lambda stored: stored[:60] or "empty",
)
def test_malformed_hash_matches_nothing(stored: str) -> None:
    assert password_matches(stored, PASSWORD) is False


def test_digests_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: "the verdict of hmac")
    assert password_matches("sha1:salt:digest", PASSWORD) == "the verdict of hmac"


@pytest.mark.parametrize(
    ("password", "error", "message"),
    [
        (["hunter2"], TypeError, "the password must be a string, not list"),
        (b"hunter2", TypeError, "the password must be a string, not bytes"),
        (20262027, TypeError, "the password must be a string, not int"),
        (None, TypeError, "the password must be a string, not NoneType"),
        (PasswordHasher(), TypeError, "the password must be a string, not PasswordHasher"),
        ("", ValueError, "the password is empty"),
        ("hunter2\0", ValueError, "holds a NUL character"),
        ("hunter2\ud800", ValueError, "holds a lone surrogate"),
        ("\udfffhunter2", ValueError, "holds a lone surrogate"),
        ("hunter2".ljust(4097), ValueError, "longer than 4096 characters"),
    ],
)
@pytest.mark.parametrize(
    "call", [hash_password, lambda password: password_matches("sha1:salt:digest", password)], ids=["hash", "match"]
)
def test_bad_password_is_refused_without_its_text(call, password: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(password)
    assert not re.search("hunter2|2026|d800|dfff", f"{caught.value!a} {caught.value.__context__!a}")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("argon2", "hunter2"), ValueError, f"unknown algorithm, use one of {', '.join(ALGORITHMS)}"),
        (("x", ["hunter2"]), ValueError, "unknown algorithm"),
        (("x", "argon2", ["hunter2"]), TypeError, "the current hash must be a string, not list"),
        (("x", "argon2", False), TypeError, "the current hash must be a string, not bool"),
    ],
)
def test_bad_arguments_are_refused_without_their_text(arguments: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        hash_password(*arguments)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("stored", [None, 12, b"sha1:salt:digest"])
def test_stored_hash_of_the_wrong_type_is_refused(stored: object) -> None:
    with pytest.raises(TypeError, match="the stored hash must be a string, not"):
        password_matches(stored, PASSWORD)


@pytest.mark.parametrize(("missing", "package"), [("passlib", "libpass"), ("argon2", "argon2-cffi")])
def test_missing_library_is_named_and_digests_do_without(missing: str, package: str) -> None:
    script = f"""
import sys
sys.modules[{missing!r}] = None
from {_jupyter_password.__name__} import hash_password, password_matches
assert password_matches(hash_password("x", "sha512"), "x")
for attempt in (lambda: hash_password("x"), lambda: password_matches("argon2:", "x")):
    try:
        attempt()
    except RuntimeError as error:
        print(error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    expected = f"argon2 needs {package} on the controller; install with: {sys.executable} -m pip install {package}\n"
    assert (run.stdout, run.stderr) == (expected * 2, "")
