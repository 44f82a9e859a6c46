"""A person at a JupyterHub, as seen from the wire: logs in, starts a server, uses it, stops it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import requests
from notebook_client import NotebookClient
from waiting import wait_until


class HubError(Exception):
    """The hub refused what a person asked for; the text is its message, `status` that of its answer, 0 without one."""

    def __init__(self, answer: requests.Response | None) -> None:
        self.status = answer.status_code if answer is not None else 0
        text = ""
        if answer is not None:
            try:
                text = str(answer.json().get("message", ""))
            except (AttributeError, ValueError):
                text = answer.reason
        super().__init__(text)


def escaped(name: str) -> str:
    """A name as the hub writes it in addresses and in the paths of cookies, which are compared with ours."""
    return quote(name, safe="@~")


class HubClient(NotebookClient):
    """Talks to the hub whose pages are below `url`, which ends in `/hub/`; `tried` is its answer to the last login."""

    tried: requests.Response

    def login(self, name: str, password: str) -> bool:
        """Send the hub's login form as a browser does; True when the hub lets us in, by whatever name it knows us."""
        self.get("login").raise_for_status()
        form = {"username": name, "password": password, "_xsrf": self.xsrf}
        # Without a destination, the hub would start a server.
        home = urlsplit(self.url).path + "home"
        self.tried = self.http.post(
            f"{self.url}login?next={home}", data=form, headers={"Referer": self.url + "login"}, timeout=self.patience
        )
        answer = self.get("api/user")
        is_inside = answer.status_code == 200
        self.name = answer.json()["name"] if is_inside else name
        return is_inside

    def request(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Ask the hub's API as its own pages do."""
        headers = {"X-XSRFToken": self.xsrf, "Referer": self.url + "home"}
        return self.http.request(method, self.url + "api/" + path, json=body, headers=headers, timeout=self.patience)

    def state(self, server: str = "") -> dict[str, Any]:
        """What the hub says of our server; empty where there is none."""
        return self.request("GET", f"users/{escaped(self.name)}").json()["servers"].get(server, {})

    def start(self, server: str = "") -> NotebookClient:
        """Start our server, wait until it is ready, and log in there through the hub."""
        answer = self.request("POST", self._place(server))
        if answer.status_code not in (201, 202):
            raise HubError(answer)
        wait_until(lambda: self._is_ready(server), self.patience)
        return self.enter(self.name, server)

    def enter(self, name: str, server: str = "") -> NotebookClient:
        """A person's server, through the hub's way of logging in there."""
        path = f"user/{escaped(name)}/" + (f"{escaped(server)}/" if server else "")
        client = NotebookClient(self.url.removesuffix("hub/") + path)
        client.http, client.ca = self.http, self.ca
        # Where people have names of their own below the hub's, this leads there.
        before, found, _page = client.get("tree").url.partition(path + "tree")
        client.url = before + path if found else client.url
        return client

    def stop(self, server: str = "") -> None:
        """Stop our server and wait until it is gone."""
        answer = self.request("DELETE", self._place(server))
        if answer.status_code not in (202, 204):
            raise HubError(answer)
        wait_until(lambda: not self.state(server), self.patience)

    def _place(self, server: str) -> str:
        """The path of our server at the hub's API."""
        person = f"users/{escaped(self.name)}"
        return f"{person}/servers/{escaped(server)}" if server else f"{person}/server"

    def _is_ready(self, server: str) -> bool:
        """Whether our server is there. Raises HubError where the hub has given up."""
        state = self.state(server)
        if not state.get("ready") and not state.get("pending"):
            raise HubError(None)
        return bool(state.get("ready"))
