"""Kills its Python with SIGKILL before it does what DIE_AT says, a pattern of an audit event and its arguments."""

from __future__ import annotations

import os
import re
import signal
import sys

pattern = os.environ.get("DIE_AT")


def die(event: str, arguments: tuple[object, ...]) -> None:
    # The third is the environment of a program to be started, with the pattern in it.
    if re.search(pattern, f"{event} {arguments[:2]}"):
        os.kill(os.getpid(), signal.SIGKILL)


if pattern:
    sys.addaudithook(die)
