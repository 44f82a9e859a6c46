"""Kill this Python with SIGKILL at the first audit event that matches the pattern in KILL_AT, with its arguments."""

from __future__ import annotations

import os
import re
import signal
import sys

pattern = os.environ.get("KILL_AT")


def kill(event: str, arguments: tuple[object, ...]) -> None:
    # The third is the environment of a program to be started, with the pattern in it.
    if re.search(pattern, f"{event} {arguments[:2]}"):
        os.kill(os.getpid(), signal.SIGKILL)


if pattern:
    sys.addaudithook(kill)
