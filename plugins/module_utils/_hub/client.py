# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of JupyterHub's REST API that deals with users, with few calls for many of them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.nbops.jupyter.plugins.module_utils._hub.records import Record, RecordPlan

# Without it the hub answers with the first page only, and without saying so.
PAGINATION = "application/jupyterhub-pagination+json"
# The token is wrong, or may not do this.
REFUSED = (401, 403)
# The hub gives as much as its own limit (JupyterHub.api_page_max_limit, 200 by default) allows.
PAGE = 10_000
# The hub serves nobody else while it makes users, so it gets them in portions: 5 ms for each user.
PORTION = 100
# A stop is answered after JupyterHub.slow_stop_timeout (10 s), even where it goes on.
ANSWER_SECONDS = 120
STOP_POLL_SECONDS = 0.2


class ApiError(Exception):
    """The hub did not answer, or refused; status is 0 or that of the answer, the text is what the hub says."""

    def __init__(self, text: str, status: int = 0):
        super().__init__(text)
        self.status = status


class HubClient:
    """A hub by the URL of its API. It knows neither proxies of the environment nor redirections: the token stays here.

    All methods raise ApiError.
    """

    def __init__(self, url: str, token: str):
        self.address = urlsplit(url)
        self.token = token

    def call(self, method: str, path: str, body: dict | None = None) -> Any:
        """The answer's content, None where it has none."""
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        headers = {"Authorization": f"token {self.token}", "Accept": PAGINATION, "Content-Type": "application/json"}
        target = f"{self.address.path.rstrip('/')}{path}"
        try:
            connection = kind(self.address.hostname or "", self.address.port, timeout=ANSWER_SECONDS)
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
        """Whether the token's owner is an administrator, and the token's scopes; also the proof that a hub answers."""
        try:
            model = self.call("GET", "/user")
        except ApiError as error:
            if error.status in REFUSED:
                raise
            # Another service at its address, or a hub that is not well.
            raise ApiError(str(error)) from None
        if not isinstance(model, dict) or "scopes" not in model:
            raise ApiError("what answers is no JupyterHub")
        return bool(model.get("admin")), set(model["scopes"])

    def records(self, names: list[str]) -> dict[str, Record]:
        """The records of the named users that have one, and maybe others."""
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
        """All of the plan but the removals."""
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
        """Stop all of a user's servers, wait for their end, and remove the record, with which its tokens go."""
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
        """Stop a user's servers, or remove the record if none is left; returns what is still in the way of that."""
        place = f"/users/{_quoted(record.name)}"
        try:
            for server in record.servers:
                self.call("DELETE", f"{place}/servers/{_quoted(server)}" if server else f"{place}/server")
            if not record.servers:
                self.call("DELETE", place)
                return ""
        except ApiError as error:
            # 400: one is being renamed, or has begun to stop since we looked. 404: it was faster than we are.
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
            # Nobody asked for this one, and a record is a permission.
            self.call("DELETE", f"/users/{_quoted(name)}")
        missing = set(names) - {model["name"] for model in created}
        # Somebody may have made one of them since they were listed.
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
