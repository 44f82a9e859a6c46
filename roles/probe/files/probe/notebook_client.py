"""A person at a Jupyter server, as seen from the wire: logs in, opens a kernel, runs cells.

Independent of Jupyter's own client: plain HTTP and the documented message format over the websocket.
"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import websocket
from requests.cookies import get_cookie_header
from unix_socket import SocketAdapter, connected


class NotebookClient:
    """Talks to the server below `url`, which ends in a slash; `ca` is the PEM file that vouches for its certificate.

    `path` is that of the UNIX socket on which the server listens, if it does.
    """

    # Seconds for an answer. A scenario whose host is slow has more.
    patience = 60

    def __init__(self, url: str, ca: str | None = None, token: str | None = None, path: str = "") -> None:
        self.url = url
        self.ca = ca
        self.path = path
        self.http = requests.Session()
        if path:
            self.http.mount("http://", SocketAdapter(path))
        self.http.trust_env = False
        self.http.verify = ca or True
        if token:
            self.http.headers["Authorization"] = f"token {token}"

    def login(self, password: str) -> bool:
        """Send the login form as a browser does; True when the server lets us in."""
        page = self.http.get(self.url + "login", timeout=self.patience)
        page.raise_for_status()
        self.http.post(
            self.url + "login",
            data={"password": password, "_xsrf": self.xsrf},
            headers={"Referer": self.url + "login"},
            timeout=self.patience,
        )
        return self.get("api/contents").status_code == 200

    @property
    def xsrf(self) -> str:
        """The token of the server at `url`; a hub on the same name has another one for its own path."""
        here = urlsplit(self.url).path
        found = [cookie for cookie in self.http.cookies if cookie.name == "_xsrf" and here.startswith(cookie.path)]
        return max(found, key=lambda cookie: len(cookie.path)).value if found else ""

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.url + path, timeout=self.patience)

    def post(self, path: str, body: Any = None) -> requests.Response:
        headers = {"X-XSRFToken": self.xsrf, "Referer": self.url}
        return self.http.post(self.url + path, json=body, headers=headers, timeout=self.patience)

    def put(self, path: str, body: Any) -> requests.Response:
        headers = {"X-XSRFToken": self.xsrf, "Referer": self.url}
        return self.http.put(self.url + path, json=body, headers=headers, timeout=self.patience)

    def websocket(self, path: str, check_hostname: bool = True) -> websocket.WebSocket:
        parts = urlsplit(self.url)
        scheme = {"http": "ws", "https": "wss"}[parts.scheme]
        cookies = get_cookie_header(self.http.cookies, requests.Request("GET", self.url + path).prepare())
        headers = (
            [f"Authorization: {self.http.headers['Authorization']}"] if "Authorization" in self.http.headers else []
        )
        options = (
            {"ca_certs": self.ca, "cert_reqs": ssl.CERT_REQUIRED, "check_hostname": check_hostname} if self.ca else None
        )
        return websocket.create_connection(
            f"{scheme}://{parts.netloc}{parts.path}{path}",
            cookie=cookies,
            header=headers,
            origin=f"{parts.scheme}://{parts.netloc}",
            sslopt=options,
            timeout=self.patience,
            http_no_proxy=["*"],
            **({"socket": connected(self.path, self.patience)} if self.path else {}),
        )

    @contextlib.contextmanager
    def kernel(self, name: str = "python3") -> Iterator[Kernel]:
        """A fresh kernel with its websocket, removed afterwards."""
        answer = self.post("api/kernels", {"name": name})
        answer.raise_for_status()
        identity = answer.json()["id"]
        try:
            with self.attach(identity) as kernel:
                yield kernel
        finally:
            self.http.delete(
                self.url + f"api/kernels/{identity}",
                headers={"X-XSRFToken": self.xsrf, "Referer": self.url},
                timeout=self.patience,
            )

    @contextlib.contextmanager
    def attach(self, identity: str, check_hostname: bool = True) -> Iterator[Kernel]:
        """A kernel that runs, with a new websocket."""
        socket = self.websocket(f"api/kernels/{identity}/channels?session_id={uuid.uuid4().hex}", check_hostname)
        try:
            yield Kernel(identity, socket)
        finally:
            socket.close()


class KernelDied(RuntimeError):
    """The process of a kernel ended while it ran a cell; the server starts another one, or has given up."""


class Kernel:
    """One kernel behind an open websocket."""

    def __init__(self, identity: str, socket: websocket.WebSocket) -> None:
        self.identity = identity
        self.socket = socket
        self.session = uuid.uuid4().hex

    def begin(self, code: str) -> str:
        """Begin to run a cell, and return the number under which the kernel tells of it."""
        message = uuid.uuid4().hex
        header = {
            "msg_id": message,
            "msg_type": "execute_request",
            "session": self.session,
            "username": "",
            "version": "5.3",
        }
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
        self.socket.send(
            json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
        )
        return message

    def answers(self, code: str, timeout: float = 120) -> Iterator[tuple[str, dict[str, Any]]]:
        """Run a cell, and give the type and content of each message about it until it is done."""
        message = self.begin(code)
        deadline = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            answer = json.loads(self.socket.recv())
            if answer["msg_type"] == "status" and answer["content"]["execution_state"] in ("restarting", "dead"):
                raise KernelDied("the kernel's process ended")
            if answer["parent_header"].get("msg_id") != message:
                continue
            kind, content = answer["msg_type"], answer["content"]
            if kind == "error":
                raise RuntimeError(f"{content['ename']}: {content['evalue']}")
            if kind == "status" and content["execution_state"] == "idle":
                return
            yield kind, content

    def run(self, code: str, timeout: float = 120) -> str:
        """Run a cell and return what it printed or evaluated to; an exception in the cell is raised here by name."""
        output = []
        for kind, content in self.answers(code, timeout):
            if kind == "stream":
                output.append(content["text"])
            elif kind == "execute_result":
                output.append(content["data"]["text/plain"])
        return "".join(output).strip()

    def pictures(self, code: str, timeout: float = 120) -> list[bytes]:
        """Run a cell and return the PNG files that it displayed."""
        return [
            base64.b64decode(content["data"]["image/png"])
            for kind, content in self.answers(code, timeout)
            if kind == "display_data" and "image/png" in content["data"]
        ]
