"""Files that may be missing."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files.read import read_or_none, text_or_none


def test_a_missing_file_is_none(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "none")
    assert (read_or_none(path), text_or_none(path)) == (None, None)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", ""), (b"a\r\nb\n", "a\r\nb\n"), ("é".encode(), "é"), (b"a\xff", "a\N{REPLACEMENT CHARACTER}")],
)
def test_a_file_is_read_as_it_is(tmp_path: pathlib.Path, data: bytes, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert (read_or_none(str(path)), text_or_none(str(path))) == (data, text)


def test_other_errors_are_raised(tmp_path: pathlib.Path) -> None:
    for read in read_or_none, text_or_none:
        with pytest.raises(IsADirectoryError):
            read(str(tmp_path))
