# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates in a backup: the pairs that servers read, and what certbot knows of its authority.

With both, a host that moves orders nothing. Paths are those of the host; on another one, nothing that is there already
is replaced.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping

from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none

# Where the roles nginx and certbot keep them.
PAIRS = "/etc/ssl/jupyter"
CERTBOT = "/etc/letsencrypt"
SETTINGS = "/etc/nbops-certificates.json"

_NAME = r"\.?[a-z0-9][a-z0-9._-]*"
_PAIR = re.compile(rf"{PAIRS}/{_NAME}/(fullchain|privkey)\.pem")
_ARCHIVED = re.compile(rf"{CERTBOT}/archive/({_NAME})/(cert|chain|fullchain|privkey)([0-9]+)\.pem")
_RENEWAL = re.compile(rf"{CERTBOT}/renewal/({_NAME})\.conf")
_ACCOUNT = re.compile(rf"{CERTBOT}/accounts(/[A-Za-z0-9][A-Za-z0-9._:-]*)+\.json")
_ORDER = re.compile(r"[0-9a-f]+")
# What stands for the root of the host.
ROOT = ""
# certbot runs what these name, as root.
_HOOK = re.compile(r"^\s*\w*hook\s*=\s*(?!None\s*$)\S", re.MULTILINE)
_PARTS = ("cert", "chain", "fullchain", "privkey")


def is_ours(path: str) -> bool:
    """Whether a path is one of those that are backed up here."""
    return path == SETTINGS or any(kind.fullmatch(path) for kind in (_PAIR, _ARCHIVED, _RENEWAL, _ACCOUNT))


def collected() -> dict[str, bytes]:
    """What there is of certificates on this host, by its path. Raises OSError."""
    patterns = (
        *(f"{PAIRS}/*/*.pem", f"{PAIRS}/.authority/*.pem"),
        *(f"{CERTBOT}/archive/*/*.pem", f"{CERTBOT}/renewal/*.conf", f"{CERTBOT}/accounts/**/*.json"),
    )
    globbed = {path for pattern in patterns for path in glob.glob(ROOT + pattern, recursive=True)}
    paths = sorted(path for path in (path.removeprefix(ROOT) for path in globbed) if is_ours(path))
    found = {path: data for path in paths if (data := read_or_none(ROOT + path)) is not None}
    orders = json.loads(read_or_none(ROOT + SETTINGS) or b"{}").get("orders", {})
    if orders:
        # Of the settings only what no inventory says: what was ordered, so that it is not ordered again.
        found[SETTINGS] = (json.dumps({"orders": orders}) + "\n").encode()
    return found


def place(files: Mapping[str, bytes], write: Callable[[str, bytes, int], None]) -> tuple[list[str], list[str]]:
    """Places files on a host by their paths, and returns those that are placed, and those that are left out.

    Left out is what would replace something, and what would have certbot run a program. Raises OSError.
    """
    left_out = [path for path, data in files.items() if _RENEWAL.fullmatch(path) and _HOOK.search(data.decode())]
    with_hooks = {_RENEWAL.fullmatch(path)[1] for path in left_out}
    placed = []
    archived: dict[str, dict[str, int]] = defaultdict(dict)
    for path, data in files.items():
        part = _ARCHIVED.fullmatch(path)
        if path in left_out or (part and part[1] in with_hooks):
            continue
        if os.path.lexists(ROOT + path):
            if read_or_none(ROOT + path) != data:
                left_out.append(path)
            continue
        if path == SETTINGS:
            data = _orders(data)
        is_public = path.endswith("fullchain.pem") and path.startswith(PAIRS)
        _make_directories(os.path.dirname(path))
        write(ROOT + path, data, 0o644 if is_public else 0o600)
        placed.append(path)
        if part:
            archived[part[1]][part[2]] = max(int(part[3]), archived[part[1]].get(part[2], 0))
    for name, numbers in archived.items():
        placed += _link(name, numbers)
    return placed, left_out


def _orders(data: bytes) -> bytes:
    orders = {str(name): str(digest) for name, digest in json.loads(data)["orders"].items()}
    kept = {name: digest for name, digest in orders.items() if _ORDER.fullmatch(digest)}
    return (json.dumps({"orders": kept}) + "\n").encode()


def _link(name: str, numbers: Mapping[str, int]) -> list[str]:
    """What certbot reads as the certificate that is in use: links to the parts with the highest number."""
    directory = f"{CERTBOT}/live/{name}"
    if set(numbers) != set(_PARTS) or os.path.lexists(ROOT + directory):
        return []
    _make_directories(directory)
    for part, number in numbers.items():
        os.symlink(f"../../archive/{name}/{part}{number}.pem", f"{ROOT}{directory}/{part}.pem")
    return [f"{directory}/{part}.pem" for part in sorted(numbers)]


def _make_directories(path: str) -> None:
    """Makes what is missing of a directory; only root enters those of certbot."""
    if os.path.isdir(ROOT + path):
        return
    _make_directories(os.path.dirname(path))
    os.mkdir(ROOT + path, 0o700 if path.startswith(f"{CERTBOT}/") else 0o755)
