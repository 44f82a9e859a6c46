"""The lines that the hub writes."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from nbops_jupyterhub import logs


@pytest.fixture(autouse=True)
def _turned_on() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    logs.turn_on()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize(
    ("message", "values", "line"),
    [
        ("Failed login for %s", ("x\n[I] Logged in: ada",), "Failed login for x\\n[I] Logged in: ada"),
        ("%s", ("\x1b[2J\u2028\u0085é",), "\\x1b[2J\\u2028\\x85é"),
        ("%d of\n%s", (1, "a"), "1 of\na"),
        ("%(name)s", ({"name": "ada"},), "ada"),
    ],
)
def test_a_text_within_a_message_begins_no_line(
    caplog: pytest.LogCaptureFixture, message: str, values: tuple[object, ...], line: str
) -> None:
    logging.getLogger("hub").warning(message, *values)
    assert caplog.messages == [line]
