"""Which files have a place in a release."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.files import placeable


def test_a_relative_path_has_one() -> None:
    files = {"extensions/hub/__init__.py": "", "..a/.b..": "text", "share/release.json": "{}"}
    assert placeable(files) == files


@pytest.mark.parametrize(
    "path", ["", "/etc/motd", "..", "../a", "a/../b", "a/..", ".", "./a", "a//b", "a/", "release.json"]
)
def test_any_other_has_none(path: str) -> None:
    with pytest.raises(ValueError, match=f"'{path}' is no place inside a release"):
        placeable({"good": "", path: "text"})


@pytest.mark.parametrize("text", [1, None, True, {"a": 1}, [], b"a"])
def test_only_text_is_written(text: object) -> None:
    with pytest.raises(ValueError, match="what 'a' holds is no text"):
        placeable({"a": text})
