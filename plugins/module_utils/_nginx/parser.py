# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the output of `nginx -T`: its files, their directives, and what server blocks listen on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FILE = re.compile(r"^# configuration file (/.*):$", re.MULTILINE)
_WORD = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|#.*|[;{}]|(?:\$\{[^}]*\}|\\.|[^\s;{}\\])+""")
# What `listen` accepts instead of `*`.
EVERY_IPV4 = "0.0.0.0"  # noqa: S104 - read from a configuration and asked about, not listened on
_EVERY_ADDRESS = ("", EVERY_IPV4)


@dataclass(frozen=True)
class File:
    """A file, its text, and its directives in the form of `directives`."""

    path: str
    text: str
    directives: list[list[str]]


@dataclass(frozen=True)
class Listener:
    """What a server block listens on. `endpoint` is address:port, with `*` for all IPv4 addresses, or unix:/path.

    `names` are those of the block, as nginx compares them: in lower case.
    """

    file: str
    endpoint: str
    default: bool
    ssl: bool
    names: tuple[str, ...] = ()


def parse(dump: str) -> list[File]:
    """The files of a configuration, in the order in which nginx read them."""
    parts = _FILE.split(dump)[1:]
    return [File(path, text, list(directives(text))) for path, text in zip(parts[::2], parts[1::2], strict=True)]


def directives(text: str) -> Iterator[list[str]]:
    """The directives of a file as lists of words. A block starts with its words and `{`, and ends with `}` alone."""
    words: list[str] = []
    for word in _WORD.findall(text):
        if word.startswith("#"):
            continue
        if word in (";", "{", "}"):
            if words or word == "}":
                yield [*words, *([] if word == ";" else [word])]
            words = []
        else:
            words.append(word[1:-1] if word[0] in "\"'" else word)


def endpoint(word: str) -> str:
    """The address and port that the first word of `listen` means."""
    if word.startswith("unix:"):
        return word
    if word.isdigit():
        return f"*:{word}"
    address, colon, port = word.rpartition(":")
    if not colon or word.endswith("]"):
        address, port = word, "80"
    return f"{'*' if address in _EVERY_ADDRESS else address}:{port}"


def listeners(file: File) -> list[Listener]:
    """What the server blocks of a file listen on. A block without `listen` has port 80 of all IPv4 addresses."""
    found: list[Listener] = []
    blocks: list[str] = []
    listens: list[list[str]] = []
    names: list[str] = []
    for words in file.directives:
        if words[-1] == "{":
            blocks.append(words[0])
            if words[0] == "server":
                listens, names = [], []
        elif words == ["}"]:
            if blocks and blocks.pop() == "server":
                found += [_listener(file.path, listen, names) for listen in listens or [["80"]]]
        elif blocks and blocks[-1] == "server":
            listens += [words[1:]] if words[0] == "listen" and len(words) > 1 else []
            names += words[1:] if words[0] == "server_name" else []
    return found


def _listener(path: str, listen: list[str], names: list[str]) -> Listener:
    default = not {"default_server", "default"}.isdisjoint(listen[1:])
    return Listener(path, endpoint(listen[0]), default, "ssl" in listen[1:], tuple(name.lower() for name in names))


def values(files: list[File], name: str) -> Iterator[tuple[File, list[str]]]:
    """The file and the arguments of each occurrence of a directive."""
    for file in files:
        for words in file.directives:
            if words[0] == name and words[-1] != "{":
                yield file, words[1:]
