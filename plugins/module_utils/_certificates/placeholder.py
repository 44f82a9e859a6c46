# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-signed placeholders at the paths of real certificates, with which servers can start before those exist."""

from __future__ import annotations

import os

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import (
    CHAIN,
    KEY,
    CertificateStore,
    make_directory,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import (
    PLACEHOLDER,
    facts,
    make_certificate,
    make_key,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none

DAYS = 3650


def is_placeholder(home: str) -> bool:
    """Whether the certificate in a directory is a placeholder."""
    return _text(home).startswith(PLACEHOLDER)


def is_missing(home: str, hosts: list[str]) -> bool:
    """Whether a directory contains no certificate, or a placeholder for other names than these."""
    text = _text(home)
    if not text.startswith(PLACEHOLDER):
        return not os.path.lexists(os.path.join(home, CHAIN))
    return not facts(text).is_for(hosts)


def pair(hosts: list[str], key: bytes | None = None) -> tuple[bytes, bytes]:
    """A placeholder and its key, which is new unless it is given."""
    key = key or make_key("ecdsa")
    return PLACEHOLDER + make_certificate(hosts, DAYS, key), key


def make(home: str, hosts: list[str]) -> None:
    """Writes a placeholder into a directory that contains none, or one for other names.

    Raises FileExistsError instead of overwriting a file that is no placeholder.
    """
    make_directory(home)
    key_path = os.path.join(home, KEY)
    # A placeholder for new names keeps its key. An interrupted run leaves a key without its certificate.
    old_key = read_or_none(key_path)
    chain, key = pair(hosts, old_key)
    if old_key is None:
        _write(key_path, key, 0o600)
    _write(os.path.join(home, CHAIN), chain, 0o644, replace=is_placeholder(home))


def remove(home: str) -> None:
    """Removes the placeholder in a directory, and the directory unless it contains something else."""
    CertificateStore(*os.path.split(home)).remove()


def is_used(home: str, users: str) -> bool:
    """Whether a file below the directory `users` names a file of a certificate's directory."""
    needle = (home + "/").encode()
    for parent, _directories, names in os.walk(users):
        for name in names:
            if needle in (read_or_none(os.path.join(parent, name)) or b""):
                return True
    return False


def _text(home: str) -> bytes:
    return read_or_none(os.path.join(home, CHAIN)) or b""


def _write(path: str, data: bytes, mode: int, *, replace: bool = False) -> None:
    """Writes a file in one step. Raises FileExistsError if it exists and shall not be replaced."""
    draft = atomic.stage(path, data, mode)
    if replace:
        os.rename(draft, path)
        return
    try:
        os.link(draft, path)
    finally:
        os.unlink(draft)
