# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of Unix accounts: whether a hash is that of a password, and new hashes, by the library that PAM asks."""

from __future__ import annotations

import ctypes
import re

# What no file and no login form would hold: a NUL ends the text for the library, a line end the account's line.
PASSWORD = re.compile(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{6,}[^\s\x00-\x1f\x7f]")
# The library takes no more bytes of a password.
LONGEST = 511
LIBRARY = "libcrypt.so.1"


class PasswordError(Exception):
    """A password cannot be hashed on this host; the text says why."""


def is_password(text: str) -> bool:
    """Whether a text can be the password of an account: from 8 characters, without any that a form or file drops."""
    return bool(PASSWORD.fullmatch(text)) and len(text.encode()) <= LONGEST


def matches(password: str, stored: str) -> bool:
    """Whether a hash of /etc/shadow is that of the password; never for a locked one. Raises PasswordError."""
    if not stored.startswith("$"):
        return False
    return _crypt(password, stored.encode(errors="surrogateescape")) == stored.encode(errors="surrogateescape")


def hashed(password: str) -> str:
    """A new hash in the form that the host's own tools write, with a salt of its own. Raises PasswordError."""
    library = _library()
    library.crypt_gensalt.restype = ctypes.c_char_p
    library.crypt_gensalt.argtypes = (ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int)
    setting = library.crypt_gensalt(None, 0, None, 0)
    made = _crypt(password, setting) if setting else b""
    if not made.startswith(b"$"):
        raise PasswordError(f"{LIBRARY} makes no hash of a password on this host; give password_hash instead.")
    return made.decode("ascii")


def _crypt(password: str, setting: bytes) -> bytes:
    library = _library()
    library.crypt.restype = ctypes.c_char_p
    library.crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    # Of a setting that it does not know, the library returns nothing, or a text that begins with a star.
    return library.crypt(password.encode(), setting) or b""


def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise PasswordError(f"The library of password hashes is missing on this host: {error}") from None
