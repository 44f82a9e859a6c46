"""What tests of plugins share."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox


@pytest.fixture(autouse=True)
def _unconfined(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What a test gives as foreign code is its own, and runs as the test does, whatever systemd says of its machine."""

    @contextlib.contextmanager
    def command(
        self: Sandbox, argv: Sequence[str], environment: Mapping[str, str], cwd: str = "/", reads: bool = False
    ) -> Iterator[list[str]]:
        with tempfile.TemporaryDirectory() as home:
            variables = {"HOME": home, "TMPDIR": home, **environment}
            words = ["env", f"--chdir={cwd}", *(f"{key}={value}" for key, value in variables.items()), *argv]
            for path, colon, place in (entry.partition(":") for entry in (*self.given, *self.shown)):
                words = [word.replace(place, path) for word in words] if colon else words
            yield words

    if "sandboxed" not in request.keywords:
        monkeypatch.setattr(Sandbox, "command", command)
