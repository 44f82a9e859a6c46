"""Does at one server of this host what a person does there, and says of each step how it went.

Reads a target as JSON from standard input and prints a row as JSON for each step: `check`, `state` (ok, warn, red or
skip), `text`, and `seconds`. Its secrets come and go by standard input and are never printed. The first step that fails
is the last one. It needs an account without any rights, and a Python with requests and websocket-client: those of
notebook servers have both.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import ssl
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import causes
import requests
from hub_client import HubClient
from notebook_client import Kernel, NotebookClient
from requests.adapters import HTTPAdapter

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
# Seconds for one answer, and for a server to start.
PATIENCE, START_PATIENCE = 30, 180
# Seconds for an answer of what does not run: its address waits for it.
NO_PATIENCE = 2
# Seconds for the page of a provider, which this host may not reach.
PROVIDER_PATIENCE = 10
# Seconds for a cell that adds two numbers, with the start of its kernel.
CELL_PATIENCE = 60
# Days in which a certificate that nothing renews is still replaced by hand.
LAST_DAYS = 7
DAY = 86400
# The chain ends in a certificate that nobody has vouched for.
SELF_SIGNED = (18, 19, 20, 21)
# Bytes of the file that goes up and comes back.
FILE_BYTES = 65536

Target = dict[str, Any]


class Failed(Exception):
    """A step did not go as it should; the text is a sentence with the likely cause."""


class Pinned(HTTPAdapter):
    """Trusts the very certificate that is deployed on this host, under whatever name it is asked for."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> Any:
        return super().init_poolmanager(*arguments, ssl_context=self._context, assert_hostname=False, **named)


class Visit:
    """One visit: its steps, in their order, and what they found."""

    def __init__(self, target: Target, directory: str) -> None:
        self.target = target
        self.parts = urlsplit(target["url"])
        self.host, self.port = self.parts.hostname or "", self.parts.port or (443 if self.is_tls else 80)
        self._directory = directory
        self._pin: ssl.SSLContext | None = None

    @property
    def is_tls(self) -> bool:
        return self.parts.scheme == "https"

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Times a step; what it adds to the list is told. Raises Failed with the likely cause of what goes wrong."""
        words: list[str] = []
        begin = time.monotonic()
        try:
            yield words
        except Failed as failed:
            self.tell(name, "red", str(failed), begin)
            raise
        except Exception as error:
            self.tell(name, "red", causes.of(name, error, self.target), begin)
            raise Failed from error
        else:
            self.tell(name, words.pop(0) if words[0] in ("warn", "skip") else "ok", " ".join(words), begin)

    def tell(self, name: str, state: str, text: str, begin: float) -> None:
        row = {"check": name, "state": state, "text": f"{self.target['name']}: {text}"}
        print(json.dumps({**row, "seconds": round(time.monotonic() - begin, 3)}), flush=True)

    def run(self) -> None:
        """All steps; those of a person with an account only where there is a way to be one."""
        if self.is_tls or "socket" not in self.target:
            self.resolve()
        if self.is_tls:
            self.chain()
        (self.hub if self.target["kind"] == "hub" else self.lab)()

    def resolve(self) -> None:
        with self.step("resolve") as words:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            words.append(f"{self.host} is {', '.join(dict.fromkeys(str(one[4][0]) for one in found))}.")

    def chain(self) -> None:
        """The chain as a browser checks it, and the days that are left."""
        with self.step("chain") as words:
            trusted = ssl.create_default_context(cafile=SYSTEM_AUTHORITIES)
            try:
                certificate = self._handshake(trusted)
                words.append("An authority that this host trusts vouches for it;")
            except ssl.SSLCertVerificationError as error:
                if error.verify_code not in SELF_SIGNED or not self.target.get("deployed"):
                    raise
                self._pin = pinned(self.target["deployed"], self._directory)
                certificate = self._handshake(self._pin)
                words += [] if self.target["self_signed"] else ["warn"]
                words.append("It is the one that is deployed here, which no authority vouches for, so browsers ask;")
            days = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) // DAY)
            words.append(f"{days} days left.")
            if days < LAST_DAYS:
                words.insert(0, "warn")
                words[:] = list(dict.fromkeys(words))

    def _handshake(self, context: ssl.SSLContext) -> dict[str, Any]:
        with contextlib.ExitStack() as stack:
            plain = stack.enter_context(socket.create_connection((self.host, self.port), PATIENCE))
            wrapped = stack.enter_context(context.wrap_socket(plain, server_hostname=self.host))
            return wrapped.getpeercert() or {}

    def client(self, kind: Callable[..., Any], **named: Any) -> Any:
        """A client of this kind that trusts what the step `chain` found."""
        made = kind(self.target["url"], **named)
        made.patience = PATIENCE
        made.ca = SYSTEM_AUTHORITIES if self.is_tls else None
        if self._pin:
            made.ca = os.path.join(self._directory, "deployed.pem")
            made.http.mount("https://", Pinned(self._pin))
        made.http.verify = made.ca or True
        return made

    def first(self, path: str = "") -> requests.Response:
        """The login page, to somebody who brings nothing."""
        stranger = self.client(NotebookClient, path=path)
        stranger.patience = NO_PATIENCE if self.target["stopped"] else PATIENCE
        answer = stranger.get("login")
        answer.raise_for_status()
        return answer

    def hub(self) -> None:
        target = self.target
        hub = self.client(HubClient, token=target.get("token"))
        with self.step("page") as words:
            answer = self.first()
            there = urlsplit(answer.url).hostname
            words.append("The login page comes." if there == self.host else f"The login page of {there} comes.")
        if target["login"] == "none":
            return
        with self.step("login") as words:
            hub.name = target["user"]
            if target["login"] == "token":
                # Of the hub's API: the same cookies as after a login are not needed.
                answer = hub.get("api/user")
                answer.raise_for_status()
                state, found = self.at_provider() if target["provider"] else ("skip", "")
                words += [
                    state,
                    f"Not tried, because {target['why']}; a token of the hub for {hub.name} is used.{found}",
                ]
            elif hub.login(target["user"], target["password"]):
                words.append(f"As {hub.name}, by the login page.")
                # The causes of what fails later name the account, which may be called otherwise than who logs in.
                self.target = {**target, "user": hub.name}
            else:
                if hub.tried.status_code >= 500:
                    # It did not get as far as the password.
                    hub.tried.raise_for_status()
                raise Failed(causes.LOGIN[target["login"]].format(**target))
        self.hub_server(hub)

    def at_provider(self) -> tuple[str, str]:
        """A state and a sentence: whether the hub leads people to a page of the provider, where they would log in.

        It may come to their browsers and not to this host, so a visit does not fail by it.
        """
        url = f"{self.target['url']}oauth_login"
        answer = self.client(NotebookClient).http.get(url, allow_redirects=False, timeout=PATIENCE)
        answer.raise_for_status()
        location = answer.headers.get("Location", "")
        there = urlsplit(location).netloc
        try:
            with requests.Session() as session:
                session.trust_env, session.verify = False, SYSTEM_AUTHORITIES
                session.get(location, timeout=PROVIDER_PATIENCE).raise_for_status()
        except requests.RequestException as error:
            return "warn", f" {causes.at_provider(there, error)}"
        return "skip", f" The page of {there} comes."

    def hub_server(self, hub: HubClient) -> None:
        with self.step("start") as words:
            is_running = bool(hub.state())
            hub.patience = START_PATIENCE
            server = hub.enter(hub.name) if is_running else hub.start()
            hub.patience = server.patience = PATIENCE
            words.append("It ran already." if is_running else "The hub started a server.")
            server.get("api/status").raise_for_status()
            # Where people are led first, such as JupyterLab; a server without it answers all the same.
            server.get("").raise_for_status()
        try:
            self.work(server)
        finally:
            if not is_running:
                with self.step("stop") as words:
                    hub.stop()
                    words.append("The server is gone.")

    def lab(self) -> None:
        target = self.target
        lab = self.client(NotebookClient, token=target.get("token"), path=target.get("socket", ""))
        with self.step("page") as words:
            self.first(target.get("socket", ""))
            words.append("The login page comes.")
        if target["login"] == "none":
            if target["why"]:
                with self.step("login") as words:
                    words += ["skip", f"Not tried, because {target['why']}."]
            return
        with self.step("login") as words:
            if target["login"] == "token":
                lab.get("api/contents").raise_for_status()
                words.append("By its token.")
            elif lab.login(target["password"]):
                words.append("By its password.")
            else:
                raise Failed(causes.LAB_LOGIN.format(**target))
            lab.get("").raise_for_status()
        self.work(lab)

    def work(self, server: NotebookClient) -> None:
        """What people do at their server: run a cell over the websocket, upload and download a file."""
        headers = {"X-XSRFToken": server.xsrf, "Referer": server.url}
        with self.step("kernel") as words:
            answer = server.post("api/kernels", {"name": "python3", "path": ""})
            answer.raise_for_status()
            identity = answer.json()["id"]
            words.append("The server started one.")
        try:
            with contextlib.ExitStack() as stack:
                with self.step("websocket") as words:
                    kernel = stack.enter_context(self._attached(server, identity))
                    words.append("It opens.")
                with self.step("cell") as words:
                    left, right = int.from_bytes(os.urandom(4), "big"), int.from_bytes(os.urandom(4), "big")
                    answer = kernel.run(f"print({left} + {right})", CELL_PATIENCE)
                    if answer != str(left + right):
                        raise Failed(
                            f"The kernel printed something else than the sum; see {causes.journal(self.target)}."
                        )
                    words.append("It gives the right answer.")
                with self.step("files") as words:
                    self._file(server, headers, kernel)
                    words.append(f"{FILE_BYTES} bytes went up and came back.")
        finally:
            with contextlib.suppress(requests.RequestException):
                server.http.delete(f"{server.url}api/kernels/{identity}", headers=headers, timeout=PATIENCE)

    def _attached(self, server: NotebookClient, identity: str) -> Any:
        return server.attach(identity, **({"check_hostname": False} if self._pin else {}))

    def _file(self, server: NotebookClient, headers: dict[str, str], kernel: Kernel) -> None:
        # Nobody has a directory of this name. Jupyter would put what it deletes into the person's trash, and leaves
        # checkpoints, so the kernel removes it.
        name = f"nbops-probe-{uuid.uuid4().hex}"
        content = os.urandom(FILE_BYTES)
        body = {"type": "file", "format": "base64", "content": base64.b64encode(content).decode()}
        try:
            server.put(f"api/contents/{name}", {"type": "directory"}).raise_for_status()
            server.put(f"api/contents/{name}/file.bin", body).raise_for_status()
            # Jupyter refuses a download that no page of its own asked for.
            answer = server.http.get(f"{server.url}files/{name}/file.bin", headers=headers, timeout=PATIENCE)
            answer.raise_for_status()
            if answer.content != content:
                raise Failed("The file that came back is another one; see whether a proxy changes answers.")
        finally:
            kernel.run(f"import shutil; shutil.rmtree({name!r}, ignore_errors=True)", CELL_PATIENCE)


def pinned(certificate: str, directory: str) -> ssl.SSLContext:
    """A context that trusts this certificate alone, even where its own authority is not known."""
    path = os.path.join(directory, "deployed.pem")
    with open(path, "w", encoding="ascii") as file:
        file.write(certificate)
    context = ssl.create_default_context(cafile=path)
    context.check_hostname = False
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)
    return context


def main() -> int:
    target = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as directory:
        try:
            Visit(target, directory).run()
        except Failed:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
