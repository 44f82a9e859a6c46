"""What the hub writes about strangers, such as the name of a login that failed, is one line of its journal."""

from __future__ import annotations

import logging
import re

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def turn_on() -> None:
    """From now on a text within a message begins no line of its own, which would look like one of the hub."""
    make = logging.getLogRecordFactory()

    def on_one_line(*given: object, **named: object) -> logging.LogRecord:
        record = make(*given, **named)
        if isinstance(record.args, tuple):
            record.args = tuple(visible(value) if isinstance(value, str) else value for value in record.args)
        return record

    logging.setLogRecordFactory(on_one_line)


def visible(text: str) -> str:
    """A text with its line ends and other control characters as Python writes them."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
