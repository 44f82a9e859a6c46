"""Files of others are told by the missing mark."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files.marks import require_mark


@pytest.mark.parametrize(("text", "theirs"), [(None, False), ("# mark\n", False), ("", True), ("# Mark\n", True)])
def test_an_existing_file_needs_the_mark(text: str | None, theirs: bool) -> None:
    message = "^/a is somebody else's: it lacks the text 'mark'. Rename it, or choose another name.$"
    with pytest.raises(ValueError, match=message) if theirs else contextlib.nullcontext():
        require_mark("/a", text, "mark")
