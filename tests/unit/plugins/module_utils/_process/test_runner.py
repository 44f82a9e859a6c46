"""How a module runs programs."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner


class Module:
    """Records the options of run_command."""

    def run_command(self, _argv: list[str], **options: Any) -> tuple[int, bytes, bytes]:
        self.data = options["data"]
        return 0, b"", b""


@pytest.mark.parametrize(("data", "given"), [(None, None), (b"", b"\n"), (b"pem", b"pem")])
def test_only_a_program_that_reads_gets_input(
    monkeypatch: pytest.MonkeyPatch, data: bytes | None, given: bytes | None
) -> None:
    monkeypatch.setattr(runner, "_runners", [])
    module = Module()
    runner.run_by_module(module)
    runner.run("openssl", data=data)
    assert module.data == given
