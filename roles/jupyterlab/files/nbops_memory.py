"""Jupyter server extension: says that memory ran out, below the cell that ran and in the journal.

Without it, a person reads only that a kernel died.
"""

from __future__ import annotations

import logging
import math
import pathlib
import time
from typing import Any

from tornado.ioloop import PeriodicCallback

INTERVAL_MILLISECONDS = 1000
# Jupyter looks every three seconds whether a kernel is alive.
BELIEVED_SECONDS = 10
CGROUPS = pathlib.Path("/sys/fs/cgroup")
OWN = pathlib.Path("/proc/self/cgroup")
# Where the header of the request stands in a message of a kernel, after its signature.
PARENT = 2


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbops_memory"}]


def _load_jupyter_server_extension(app: Any) -> None:
    directory = own_cgroup()
    if directory is None:
        app.log.info("This system does not say when memory runs out (no cgroup of version 2).")
        return
    memory = Memory(directory, app.log)
    settings = app.web_app.settings
    settings["kernel_websocket_connection_class"] = telling(settings["kernel_websocket_connection_class"], memory)
    PeriodicCallback(memory.look, INTERVAL_MILLISECONDS).start()


def own_cgroup() -> pathlib.Path | None:
    """The directory of the cgroup of this server and its kernels; None where there is none that counts."""
    for line in OWN.read_text().splitlines():
        if line.startswith("0::"):
            directory = CGROUPS / line.removeprefix("0::").lstrip("/")
            return directory if (directory / "memory.events").is_file() else None
    return None


class Memory:
    """Knows from a cgroup's counter when Linux has ended a process because there was no memory left."""

    def __init__(self, directory: pathlib.Path, log: logging.Logger) -> None:
        self._directory, self._log = directory, log
        self._count, self._reached = self._counted()
        self._since = -math.inf
        self._reason = ""

    def look(self) -> None:
        """Notes what has happened since the last look, in the journal too."""
        count, reached = self._counted()
        if count > self._count:
            self._since = time.monotonic()
            self._reason = self._why(reached > self._reached)
            self._log.warning("Linux ended %d of the processes, because %s.", count - self._count, self._reason)
        self._count, self._reached = count, reached

    def is_short(self) -> bool:
        """Whether a process has just been ended."""
        self.look()
        return time.monotonic() - self._since < BELIEVED_SECONDS

    def reason(self) -> str:
        """Why processes were ended, as the end of a sentence."""
        return self._reason

    def _why(self, was_reached: bool) -> str:
        limit = (self._directory / "memory.max").read_text().strip()
        if limit == "max" or not was_reached:
            return "the host has no memory left"
        return f"this server with all its kernels reached its memory limit of {amount(int(limit))}"

    def _counted(self) -> tuple[int, int]:
        """How many processes were ended, by whichever limit, and how often the own one was reached."""
        lines = (self._directory / "memory.events").read_text().splitlines()
        counts = {name: int(count) for name, count in (line.split() for line in lines)}
        return counts.get("oom_kill", 0), counts.get("oom", 0)


def amount(size: int) -> str:
    """A number of bytes as a limit is written: 600M, 1.5G."""
    unit, name = next(((1 << bits, name) for bits, name in ((30, "G"), (20, "M")) if size >= 1 << bits), (1 << 10, "K"))
    return f"{size / unit:.4g}{name}"


def telling(connection: type, memory: Memory) -> type:
    """The class of connections between pages and kernels, with a sentence for the person whose kernel has ended."""

    class TellingConnection(connection):  # type: ignore[misc]
        _request: bytes = b""

        def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
            _identities, parts = self.session.feed_identities(outgoing_msg)
            # Only the answer to this request has a place in the page where the sentence can stand.
            if b'"execute_request"' in bytes(parts[PARENT]):
                self._request = bytes(parts[PARENT])
            super().handle_outgoing_message(stream, outgoing_msg)

        def on_kernel_restarted(self) -> None:
            self._tell()
            super().on_kernel_restarted()

        def on_restart_failed(self) -> None:
            self._tell()
            super().on_restart_failed()

        def _tell(self) -> None:
            if memory.is_short():
                request = self.session.unpack(self._request) if self._request else {}
                text = f"Linux ended this kernel, because {memory.reason()}. Its variables are lost."
                self.write_stderr(text, request)

    return TellingConnection
