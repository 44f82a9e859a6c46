# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of JupyterHub's REST API that manages users. A call deals with many users where the API allows it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import Record, RecordPlan

# Without this header the hub answers with the first page only, and does not say that there are more.
PAGINATION = "application/jupyterhub-pagination+json"
# Status if the token is wrong, or lacks a permission.
REFUSED = (401, 403)
# The hub reduces it to its own limit (JupyterHub.api_page_max_limit, 200 by default).
PAGE = 10_000
# The hub answers no other request while it creates users, about 5 ms for each, so a call creates only some of them.
PORTION = 100
# The hub answers to a stop at the latest after JupyterHub.slow_stop_timeout (10 s), even if the server still runs.
ANSWER_SECONDS = 120
STOP_POLL_SECONDS = 0.2


class ApiError(Exception):
    """The hub did not answer or refused. `status` is that of its answer, or 0 without one; the text is its message."""

    def __init__(self, text: str, status: int = 0):
        super().__init__(text)
        self.status = status


class HubClient:
    """The hub at the URL of its API. All methods raise ApiError.

    It uses no proxies of the environment and follows no redirection, so that nobody else gets the token.
    """

    def __init__(self, url: str, token: str, patience: float = ANSWER_SECONDS):
        self.address = urlsplit(url)
        self.token = token
        self.patience = patience

    def call(self, method: str, path: str, body: dict | None = None) -> Any:
        """Sends a request; returns the data of the answer, None if it is empty."""
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        headers = {"Authorization": f"token {self.token}", "Accept": PAGINATION, "Content-Type": "application/json"}
        target = f"{self.address.path.rstrip('/')}{path}"
        try:
            connection = kind(self.address.hostname or "", self.address.port, timeout=self.patience)
            try:
                connection.request(method, target, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
        except ValueError:
            # Its text would show the token.
            raise ApiError("the URL or the token is malformed") from None
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"{method} {target}: {error or type(error).__name__}") from None
        try:
            data = json.loads(content) if content.strip() else None
        except ValueError:
            raise ApiError(f"{method} {target}: HTTP {answer.status}, and no JSON", answer.status) from None
        if answer.status >= 300:
            message = data.get("message") if isinstance(data, dict) else None
            raise ApiError(f"{method} {target}: HTTP {answer.status}: {message or answer.reason}", answer.status)
        return data

    def permissions(self) -> tuple[bool, set[str]]:
        """Whether the token's owner is an administrator, and the token's scopes. Raises ApiError without a hub, too."""
        try:
            model = self.call("GET", "/user")
        except ApiError as error:
            if error.status in REFUSED:
                raise
            # This is another service at the hub's address, or a hub that is broken.
            raise ApiError(str(error)) from None
        if not isinstance(model, dict) or "scopes" not in model:
            raise ApiError("what answers is no JupyterHub")
        return bool(model.get("admin")), set(model["scopes"])

    def records(self, names: list[str]) -> dict[str, Record]:
        """The records of the named users, without those who have none, and perhaps with others."""
        page = self._page("/users", 0)
        limit = page["_pagination"]["limit"]
        if page["_pagination"]["total"] > limit * len(names):
            found = (self._record(name) for name in names)
            return {record.name: record for record in found if record}
        models = [*page["items"], *self._following("/users", page)]
        return {model["name"]: _record(model) for model in models}

    def group_names(self) -> set[str]:
        """All groups, also those without users."""
        page = self._page("/groups", 0)
        return {group["name"] for group in [*page["items"], *self._following("/groups", page)]}

    def carry_out(self, plan: RecordPlan) -> None:
        """Carries out all of the plan but the removals."""
        for admin, names in plan.create.items():
            for portion in _portions(names):
                self._create(portion, admin)
        for name, admin in plan.admin.items():
            self.call("PATCH", f"/users/{_quoted(name)}", {"admin": admin})
        try:
            for group in plan.new_groups:
                self.call("POST", f"/groups/{_quoted(group)}", {})
            for method, groups in (("POST", plan.join), ("DELETE", plan.leave)):
                for group, names in groups.items():
                    self.call(method, f"/groups/{_quoted(group)}/users", {"users": names})
        except ApiError as error:
            if "Group management via API is disabled" in str(error):
                raise ApiError(
                    "its authenticator manages the groups (Authenticator.manage_groups). Take `groups` off the users "
                    "and set manage_groups to false.",
                    error.status,
                ) from None
            raise

    def remove(self, name: str, seconds: float) -> None:
        """Stops all servers of a user, waits for their end, and removes the record together with its tokens.

        Raises ApiError with status 400 if a server still runs after so many seconds.
        """
        deadline = time.monotonic() + seconds
        record = self._record(name)
        while record is not None:
            refusal = self._end(record)
            if not refusal:
                return
            if time.monotonic() > deadline:
                raise ApiError(f"servers are still there after {seconds:g} seconds: {refusal}", 400)
            time.sleep(STOP_POLL_SECONDS)
            record = self._record(name)

    def _end(self, record: Record) -> str:
        """Stops a user's servers, or removes the record if none is left; returns why it cannot be removed yet."""
        place = f"/users/{_quoted(record.name)}"
        try:
            for server in record.servers:
                self.call("DELETE", f"{place}/servers/{_quoted(server)}" if server else f"{place}/server")
            if not record.servers:
                self.call("DELETE", place)
                return ""
        except ApiError as error:
            # 400: a server is being renamed, or began to stop since we looked. 404: it has stopped meanwhile.
            if error.status == 404 or (error.status == 400 and (record.servers or "stopping" in str(error))):
                return str(error)
            raise
        return ", ".join(server or "the default one" for server in record.servers)

    def _create(self, names: list[str], admin: bool) -> None:
        try:
            created = self.call("POST", "/users", {"usernames": names, "admin": admin})
        except ApiError as error:
            if error.status != 409:
                raise
            created = []
        others = {model["name"] for model in created} - set(names)
        for name in others:
            # Nobody declared this user, and a record allows to log in.
            self.call("DELETE", f"/users/{_quoted(name)}")
        missing = set(names) - {model["name"] for model in created}
        # Somebody else may have created one of them meanwhile.
        missing = {name for name in missing if self._record(name) is None}
        if missing:
            raise ApiError(
                f"it writes these names otherwise, in lower case or by its username_map: {', '.join(sorted(missing))}. "
                "Write them as it does.",
                400,
            )

    def _record(self, name: str) -> Record | None:
        try:
            return _record(self.call("GET", f"/users/{_quoted(name)}"))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _page(self, path: str, offset: int) -> dict:
        page = self.call("GET", f"{path}?offset={offset}&limit={PAGE}")
        if not isinstance(page, dict):
            raise ApiError(f"GET {path}: the hub is older than JupyterHub 2 and answers without pages")
        return page

    def _following(self, path: str, page: dict) -> Iterator[dict]:
        while page["_pagination"]["next"]:
            page = self._page(path, page["_pagination"]["next"]["offset"])
            yield from page["items"]


def _record(model: dict) -> Record:
    return Record(model["name"], model["admin"], frozenset(model["groups"]), tuple(model["servers"]))


def _portions(names: list[str]) -> Iterable[list[str]]:
    return (names[start : start + PORTION] for start in range(0, len(names), PORTION))


def _quoted(name: str) -> str:
    return quote(name, safe="")
