# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Self-signed certificates that stand where a real one will be, so that a server can start before."""

from __future__ import annotations

import contextlib
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

DAYS = 3650


def is_placeholder(home: str) -> bool:
    """Whether the certificate in a directory is a placeholder."""
    return _text(home).startswith(PLACEHOLDER)


def is_missing(home: str, hosts: list[str]) -> bool:
    """Whether a directory holds no certificate, or a placeholder for other names than these."""
    text = _text(home)
    if not text.startswith(PLACEHOLDER):
        return not os.path.lexists(os.path.join(home, CHAIN))
    return not facts(text).is_for(hosts)


def pair(hosts: list[str], key: bytes | None = None) -> tuple[bytes, bytes]:
    """A placeholder and its key, a new one unless it is given."""
    key = key or make_key("ecdsa")
    return PLACEHOLDER + make_certificate(hosts, DAYS, key), key


def make(home: str, hosts: list[str]) -> None:
    """Puts a placeholder into a directory that has none, or one for other names.

    A file of somebody else's is never overwritten: FileExistsError.
    """
    make_directory(home)
    key_path = os.path.join(home, KEY)
    # A key without its certificate is what an interrupted run leaves; a placeholder for new names keeps its key.
    key = None
    with contextlib.suppress(FileNotFoundError), open(key_path, "rb") as file:
        key = file.read()
    chain, made = pair(hosts, key)
    if key is None:
        _write(key_path, made, 0o600)
    _write(os.path.join(home, CHAIN), chain, 0o644, replace=is_placeholder(home))


def remove(home: str) -> None:
    """Removes the placeholder in a directory, and the directory unless it holds something else."""
    CertificateStore(*os.path.split(home)).remove()


def is_used(home: str, users: str) -> bool:
    """Whether a file below a directory names something in a certificate's directory."""
    needle = (home + "/").encode()
    for parent, _directories, names in os.walk(users):
        for name in names:
            with contextlib.suppress(FileNotFoundError), open(os.path.join(parent, name), "rb") as file:
                if needle in file.read():
                    return True
    return False


def _text(home: str) -> bytes:
    with contextlib.suppress(FileNotFoundError), open(os.path.join(home, CHAIN), "rb") as file:
        return file.read()
    return b""


def _write(path: str, data: bytes, mode: int, *, replace: bool = False) -> None:
    """Writes a file in one step; FileExistsError if there is one already and it is not to be replaced."""
    draft = atomic.stage(path, data, mode)
    if replace:
        os.rename(draft, path)
        return
    try:
        os.link(draft, path)
    finally:
        os.unlink(draft)
