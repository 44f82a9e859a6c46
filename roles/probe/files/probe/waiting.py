"""Waiting for what happens soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the first true answer of a condition; raise TimeoutError when there is none in time."""
    begun = time.monotonic()
    while not (answer := condition()):
        waited = time.monotonic() - begun
        if waited >= seconds:
            raise TimeoutError(f"it did not happen within {seconds:g} seconds")
        # What takes long is asked less often: a question can cost more than what it waits for.
        time.sleep(min(0.1 + waited / 10, 1))
    return answer
