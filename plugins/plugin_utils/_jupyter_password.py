# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jupyter's password hashes, as jupyter_server.auth.security makes and checks them.

Nothing here imports Ansible, and no error text holds a password or a hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sys
from importlib.util import find_spec
from typing import Any

# Every digest of fixed length that hashlib always has, but for MD5.
DIGESTS = (
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha3_224",
    "sha3_256",
    "sha3_384",
    "sha3_512",
    "blake2b",
    "blake2s",
)
ALGORITHMS = ("argon2", *DIGESTS)

# What hashes with Argon2, and the modules by which it is found; libpass is the maintained successor of passlib.
PACKAGES = {"libpass": "passlib", "argon2-cffi": "argon2"}

# Jupyter's own costs.
MEMORY_KIB, PASSES, LANES = 10240, 10, 8
ARGON2_COSTS = re.compile(r"argon2:\$argon2id\$v=19\$m=(\d{1,10}),t=(\d{1,10}),", re.ASCII)

# The longest that passlib's Argon2 takes; one limit for all, so that a change of algorithm refuses nobody's password.
MAX_CHARACTERS = 4096


def hash_password(password: str, algorithm: str = "argon2", current: str | None = None) -> str:
    """Return `current` where it still serves, else a new hash of `password` with a fresh random salt.

    `current` serves when it matches the password and is of the algorithm; for "argon2" that is Argon2id with at least
    Jupyter's memory and passes (lanes only say how the work is shared out). Anything else in `current` is replaced.

    Raises TypeError, ValueError (password or algorithm refused) or RuntimeError (Argon2 is not installed).
    """
    _check_password(password)
    if algorithm not in ALGORITHMS:
        # The given name is not repeated: in a call with its arguments swapped it is the password.
        raise ValueError(f"unknown algorithm, use one of {', '.join(ALGORITHMS)}")
    if current is not None:
        _check_text(current, "current hash")
        if _is_of(algorithm, current) and password_matches(current, password):
            return current
    if algorithm == "argon2":
        return f"argon2:{_argon2().hash(password)}"
    salt = secrets.token_hex(6)
    return f"{algorithm}:{salt}:{_digest(algorithm, salt, password)}"


def password_matches(stored: str, password: str) -> bool:
    """Tell whether a Jupyter server with the hash `stored` lets `password` in; False for what is no hash at all.

    Argon2 may have any type, version and costs; of the digests, those in DIGESTS are known.

    Raises TypeError, ValueError (password refused) or RuntimeError (Argon2 is not installed).
    """
    _check_text(stored, "stored hash")
    _check_password(password)
    if not stored.isascii():
        return False
    algorithm, dummy, rest = stored.partition(":")
    if algorithm == "argon2":
        argon2 = _argon2()
        try:
            return argon2.verify(password, rest)
        except (NotImplementedError, TypeError, ValueError):  # passlib's ways to say "malformed"
            return False
    salt, dummy, digest = rest.partition(":")
    return algorithm in DIGESTS and hmac.compare_digest(_digest(algorithm, salt, password), digest)


def _check_text(value: object, name: str) -> None:
    if not isinstance(value, str):
        # Ansible hands over subclasses such as _AnsibleTaggedInt; people know the built-in type below.
        built_in = (base.__name__ for base in type(value).__mro__[:-1] if base.__module__ == "builtins")
        raise TypeError(f"the {name} must be a string, not {next(built_in, type(value).__name__)}")


def _check_password(password: object) -> None:
    _check_text(password, "password")
    if not password:
        raise ValueError("the password is empty")
    if "\0" in password:
        raise ValueError("the password holds a NUL character, which the login form cannot send")
    if len(password) > MAX_CHARACTERS:
        raise ValueError(f"the password is longer than {MAX_CHARACTERS} characters")
    if re.search("[\ud800-\udfff]", password):
        raise ValueError("the password holds a lone surrogate, which is no character and has no UTF-8 form")


def _is_of(algorithm: str, stored: str) -> bool:
    if algorithm != "argon2":
        return stored.startswith(f"{algorithm}:")
    costs = ARGON2_COSTS.match(stored)
    return costs is not None and int(costs[1]) >= MEMORY_KIB and int(costs[2]) >= PASSES


def _digest(algorithm: str, salt: str, password: str) -> str:
    return hashlib.new(algorithm, password.encode() + salt.encode()).hexdigest()


def _argon2() -> Any:
    try:
        from passlib.hash import argon2

        argon2.get_backend()
    except (ImportError, RuntimeError) as exc:
        # Over passlib nobody should install libpass: they have the same files.
        missing = [package for package, module in PACKAGES.items() if find_spec(module) is None] or [*PACKAGES]
        raise RuntimeError(
            f"argon2 needs {' and '.join(missing)} on the controller; "
            f"install with: {sys.executable} -m pip install {' '.join(missing)}"
        ) from exc
    return argon2.using(type="ID", memory_cost=MEMORY_KIB, rounds=PASSES, parallelism=LANES)
