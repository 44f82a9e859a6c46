"""A check that cannot be made is a row, and hides no other."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._status import host, rows
from ansible_collections.nbops.jupyter.plugins.modules import status_info
from running import result_of

NOTHING = {"units": ["a.service"], "locks": {}, "servers": [], "hubs": [], "shut": [], "directories": []}


def test_what_cannot_be_read_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "file_systems", lambda _directories: [rows.FileSystem("/", 0.5, 0.5)])
    monkeypatch.setattr(host, "certificates", lambda: ([], 0.25))
    found = status_info.status(NOTHING, lambda *_command, **_options: (1, "", "out of order"))
    (units,) = [row for row in found if row.check == "units"]
    assert units.state == "red"
    assert units.text.startswith("cannot be read: systemctl show ")
    assert units.text.endswith(" -- a.service failed: out of order")
    assert [row for row in found if row.check in ("memory", "disk")] == [
        rows.Row("memory", "red", "cannot be read: journalctl failed: out of order"),
        rows.Row("disk", "ok", "/: 50% of the space and 50% of the inodes free."),
    ]


@pytest.mark.parametrize("kind", status_info.TROUBLE)
def test_an_error_without_words_is_told_by_its_name(kind: type[Exception]) -> None:
    def judge() -> list[rows.Row]:
        raise kind

    assert status_info.checked("disk", judge) == [rows.Row("disk", "red", f"cannot be read: {kind.__name__}")]


def test_a_program_that_is_missing_is_a_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nodes(run_command, partitions):
        run_command(["/nonexistent/sinfo", *partitions])

    monkeypatch.setattr(host, "nodes", nodes)
    hub = {"name": "hub", "kind": "sqlite", "database": "/nonexistent", "people": None, "partitions": ["main"]}
    found = result_of(status_info.main, {"expected": {**NOTHING, "units": [], "hubs": [hub]}}, capsys)
    (row,) = [row for row in found["rows"] if row["check"] == "nodes"]
    assert row["state"] == "red"
    assert "/nonexistent/sinfo" in row["text"]
