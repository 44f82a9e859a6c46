"""`ssh -L` as a person opens it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator

from waiting import wait_until


@contextlib.contextmanager
def opened(command: list[str], port: int, **options: object) -> Iterator[None]:
    """While a command runs that opens a local port."""
    with subprocess.Popen(command, **options) as process:
        try:
            wait_until(lambda: is_open(port, process), seconds=20)
            yield
        finally:
            process.terminate()


def is_open(port: int, process: subprocess.Popen) -> bool:
    """Whether something listens on the local port; fails when the process has ended."""
    assert process.poll() is None, "the tunnel could not be opened"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
