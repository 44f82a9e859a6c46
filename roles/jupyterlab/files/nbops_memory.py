"""Jupyter server extension: says how much memory is taken, and when it ran out.

The latter stands below the cell that ran and in the journal: without it, a person reads only that a kernel died.

The package jupyter-resource-usage shows the number in the page. Its own server extension is off: it goes through all
processes every second, and through their memory for each look.
"""

from __future__ import annotations

import logging
import math
import pathlib
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.ioloop import PeriodicCallback

INTERVAL_MILLISECONDS = 1000
# Jupyter looks every three seconds whether a kernel is alive.
BELIEVED_SECONDS = 10
CGROUPS = pathlib.Path("/sys/fs/cgroup")
OWN = pathlib.Path("/proc/self/cgroup")
# By the controllers that a cgroup names, which one of version 2 does not: where it is, and the files and the line that
# count memory.
COUNTERS = {
    "": ("", "memory.current", "memory.max", "inactive_file"),
    "memory": ("memory", "memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"),
}
# Version 1 has no word for a cgroup without a limit, but a number beyond any memory.
NO_LIMIT = 1 << 60
# The page warns when less than this part of the limit is left.
WARN_PART = 0.1
# Where the header of the request stands in a message of a kernel, after its signature.
PARENT = 2


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbops_memory"}]


def _load_jupyter_server_extension(app: Any) -> None:
    address = url_path_join(app.web_app.settings["base_url"], "api/metrics/v1")
    app.web_app.add_handlers(".*$", [(address, UsageHandler)])
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


class UsageHandler(APIHandler):  # type: ignore[misc]
    """Tells an open page every five seconds how much of the memory is taken."""

    # An open page is no work: its server may be idle.
    _track_activity = False

    @web.authenticated
    def get(self) -> None:
        self.finish(usage())


def usage() -> dict[str, Any]:
    """What jupyter-resource-usage shows: bytes that this server with its kernels takes, and their limit."""
    counted = taken_and_limit()
    if counted is None:
        return {"limits": {}}
    taken, limit = counted
    if limit is None:
        return {"rss": taken, "limits": {}}
    return {"rss": taken, "limits": {"memory": {"rss": limit, "warn": limit - taken < limit * WARN_PART}}}


def taken_and_limit() -> tuple[int, int | None] | None:
    """Bytes of the cgroup of this server, or of the first above it that has a limit; None where nothing counts them.

    Files that Linux keeps in memory and gives up first are not counted: they end nothing.
    """
    for line in OWN.read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        if controllers not in COUNTERS:
            continue
        below, current, most, cached = COUNTERS[controllers]
        own = CGROUPS / below / path.lstrip("/")
        if not (own / most).is_file():
            continue
        limits = {group: _limit(group / most) for group in (own, *own.parents) if (group / most).is_file()}
        group = next((group for group, limit in limits.items() if limit), own)
        statistics = dict(one.split() for one in (group / "memory.stat").read_text().splitlines())
        return int((group / current).read_text()) - int(statistics[cached]), limits[group]
    return None


def _limit(file: pathlib.Path) -> int | None:
    text = file.read_text().strip()
    return int(text) if text.isdigit() and int(text) < NO_LIMIT else None


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
