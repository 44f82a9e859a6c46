"""Files of the hub's state directory, which are whole or not there, also after a power failure."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
from typing import Any

# Of the copies of a database, and of the states before the present one.
KEPT = 5

_DATED = re.compile(r".+-(?P<time>[0-9]{8}T[0-9]{6}Z)(-(?P<number>[0-9]+))?\.(?P<kind>[a-z]+)")


def read(path: pathlib.Path) -> dict[str, Any] | None:
    """What a file of JSON says, None where there is none."""
    data = read_bytes(path)
    return None if data is None else json.loads(data)


def read_bytes(path: pathlib.Path) -> bytes | None:
    """The content of a file, None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write(path: pathlib.Path, data: bytes) -> None:
    """Makes a file, for root alone, have a content; one that has it already is left alone."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return
    draft = new_draft(path)
    draft.write_bytes(data)
    put(draft, path)


def write_json(path: pathlib.Path, value: dict[str, Any]) -> None:
    write(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")


def remove(path: pathlib.Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
        sync(path.parent)


def new_draft(path: pathlib.Path) -> pathlib.Path:
    """An empty file beside a path, for root alone; what an interrupted run left there gives way."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return draft


def put(draft: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a draft in its place in one step, once it is on disk."""
    sync(draft)
    draft.rename(path)
    sync(path.parent)


def sync(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_name(directory: pathlib.Path, version: str, time: str, suffix: str) -> pathlib.Path:
    """The name of a new file of a time, which has a number where another file has that time."""
    end, number = time, 1
    while any(directory.glob(f"*-{end}.*")):
        number += 1
        end = f"{time}-{number}"
    return directory / f"{version}-{end}{suffix}"


def surplus(directory: pathlib.Path, kinds: str, keep: int = KEPT) -> list[pathlib.Path]:
    """The dated files of these kinds, such as `sqlite|dump`, that are not among the newest. Others are left alone."""
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    matches = [match for name in names if (match := _DATED.fullmatch(name)) and match["kind"] in kinds.split("|")]
    matches.sort(key=lambda match: (match["time"], int(match["number"] or 1)), reverse=True)
    return [directory / match.string for match in matches[keep:]]
