"""`ssh -L` as a person opens it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator


@contextlib.contextmanager
def opened(command: list[str], port: int, **options: object) -> Iterator[None]:
    """While a command runs that opens a local port."""
    with subprocess.Popen(command, **options) as process:
        try:
            wait_for_port(port, process)
            yield
        finally:
            process.terminate()


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 20) -> None:
    """Return when something listens on the local port; fail when the process has gone or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the tunnel could not be opened"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"no tunnel on port {port} after {seconds} s")
