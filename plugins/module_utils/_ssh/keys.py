# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys as people hand them in, and the files of them that sshd reads. Pure."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass

TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
RSA_BITS = 2048
# Options before the key; what stands in quotes may hold anything but a quote, unless it is escaped.
_LINE = re.compile(
    r'(?!#)(?:(?P<options>(?:[^\s"]|"(?:[^"\\]|\\.)*")+)[ \t]+)?'
    rf"(?P<type>{'|'.join(map(re.escape, TYPES))})[ \t]+(?P<data>[A-Za-z0-9+/]+=*)(?:[ \t]+(?P<comment>.*))?"
)


@dataclass(frozen=True)
class Key:
    """A line of a file of keys. Two lines with the same type and data let the same person in."""

    type: str
    data: str

    @staticmethod
    def read(line: str) -> Key | None:
        """The key in a line; None for a comment, and for what sshd could not read."""
        match = _LINE.fullmatch(line.strip())
        if not match or _parts(match["data"])[:1] != [match["type"].encode()]:
            return None
        return Key(match["type"], match["data"])

    @property
    def bits(self) -> int:
        """Length of an RSA key's modulus; 0 for keys of other types."""
        parts = _parts(self.data)
        if self.type != "ssh-rsa" or len(parts) != 3:
            return 0
        return int.from_bytes(parts[2], "big").bit_length()


def problem(line: str) -> str:
    """What is wrong with a line that is to let somebody in; empty if nothing is. The line itself is not repeated."""
    if "PRIVATE KEY" in line:
        return "is a private key, which never leaves its owner; write the one line of the file that ends in .pub"
    if len(line.strip().splitlines()) != 1:
        return "must be one line; write each key as an entry of its own"
    key = Key.read(line)
    if key is None:
        return (
            "is no public key that sshd takes; write the whole line of the file that ends in .pub, such as "
            "'ssh-ed25519 AAAA... ada@laptop'"
        )
    if key.type == "ssh-rsa" and key.bits < RSA_BITS:
        return f"is an RSA key of {key.bits} bits; make one by `ssh-keygen -t ed25519`"
    return ""


def keys(text: str) -> list[Key]:
    """All keys of a file."""
    return [key for key in map(Key.read, text.splitlines()) if key]


def merged(text: str, wanted: list[str], exclusive: bool) -> str:
    """The text of a file that lets these keys in: alone, or beside what it had."""
    lines = [line.strip() for line in wanted]
    if not exclusive:
        ours = {Key.read(line): line for line in lines}
        # A line of the same key may have other options or another comment.
        kept = [ours.pop(Key.read(line), line) if Key.read(line) else line for line in text.splitlines()]
        lines = [*kept, *ours.values()]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _parts(data: str) -> list[bytes]:
    """The strings that a key's data hold; none where they do not fit their lengths."""
    try:
        rest = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return []
    found = []
    while rest:
        if len(rest) < 4:
            return []
        (length,) = struct.unpack(">I", rest[:4])
        if len(rest) < 4 + length:
            return []
        found.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return found
