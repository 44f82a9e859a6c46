"""Who logs in, whose servers start and stop, and what administrators do, as lines of JSON in the journal.

The hub's own unit stands beside each line, as the journal saw it, so that nobody else's line passes for one.
"""

from __future__ import annotations

import datetime
import json
import logging
import socket
from typing import Any
from urllib.parse import urlsplit

JOURNAL = "/run/systemd/journal/socket"
SAFE = ("GET", "HEAD", "OPTIONS")
# Of everybody and all the time: a login has a line of its own, and servers fetch tokens and tell that they are used.
COMMON = ("/login", "/activity", "/oauth2/token")
LONGEST_NAME = 255
AUTHORIZE = "/api/oauth2/authorize"
SERVER = "jupyterhub-user-"


class Audit(logging.Handler):
    """Takes the hub's events, and what else is noted, to the journal."""

    def __init__(self, identifier: str) -> None:
        super().__init__()
        self._identifier = identifier

    def __deepcopy__(self, _memo: object) -> Audit:
        """A configuration is copied, a lock cannot be."""
        return self

    def emit(self, record: logging.LogRecord) -> None:
        """Notes an event of JupyterHub's schema `server-action`."""
        said = record.msg
        self.note(f"server_{said['action']}", user=said["username"], server=said["servername"])

    def note(self, event: str, **facts: object) -> None:
        """Writes a line. A journal that takes none keeps nobody from working."""
        time = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **facts})
        message = f"MESSAGE={line}\nSYSLOG_IDENTIFIER={self._identifier}\nPRIORITY=6\n"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
                journal.sendto(message.encode(), JOURNAL)
        except OSError as error:
            logging.getLogger("jupyterhub").error("The audit lacks a line, %s: %s", error, line)

    def note_request(self, handler: Any) -> None:
        """Notes what an administrator or a service changes, and who enters the server of somebody else."""
        request = handler.request
        path = urlsplit(request.path).path
        try:
            person = handler.current_user
        except Exception:
            # A request that was refused before anybody asked whose it is.
            return
        name = getattr(person, "name", "")
        if not name:
            return
        is_service = getattr(person, "kind", "") == "service"
        facts = {
            "by": f"service {name}" if is_service else name,
            "method": request.method,
            "path": path,
            "status": handler.get_status(),
            "address": request.remote_ip,
        }
        if path.endswith(AUTHORIZE):
            client = handler.get_argument("client_id", "")[: len(SERVER) + LONGEST_NAME]
            # The same for all servers of a user.
            if client.startswith(SERVER) and client != f"{SERVER}{name}":
                self.note("entrance", **facts, server_of=client.removeprefix(SERVER))
        elif (
            request.method not in SAFE and not path.endswith(COMMON) and (is_service or getattr(person, "admin", False))
        ):
            self.note("admin_action", **facts)


# One, or none where nobody wants an audit.
_audits: list[Audit] = []


def turn_on(config: Any, identifier: str) -> None:
    """From now on this hub writes lines with this identifier."""
    from jupyterhub.log import log_request

    audit = Audit(identifier)
    _audits[:] = [audit]
    config.EventLogger.handlers = [audit]

    def log(handler: Any) -> None:
        log_request(handler)
        audit.note_request(handler)

    config.JupyterHub.tornado_settings = {**config.JupyterHub.get("tornado_settings", {}), "log_function": log}


def note_login(handler: Any, data: Any, found: dict[str, Any] | None) -> None:
    """Notes a login, or that one failed."""
    for audit in _audits:
        given = data.get("username", "") if isinstance(data, dict) else ""
        name = found["name"] if found else str(given)[:LONGEST_NAME]
        audit.note("login" if found else "login_failed", user=name, address=handler.request.remote_ip)
