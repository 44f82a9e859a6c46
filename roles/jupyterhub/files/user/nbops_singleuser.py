"""Jupyter server extension of every person's server: what a hub for a team lacks without it."""

from __future__ import annotations

import asyncio
import datetime
import grp
import math
import os
import pathlib
import pwd
import time
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine
from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError
from traitlets import List
from traitlets.config import Configurable

INTERVAL_MILLISECONDS = 10_000
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.5
# While the hub is away, systemd holds its address, and a question waits there instead of failing.
ANSWER_SECONDS = 5
BELIEVED_SECONDS = 3600
REMEMBERED_ANSWERS = 100
# Bytes of a body that anybody may send, since a handler asks who sends it only when it is there.
LARGE_BODY = 2**20
# Where the file browser shows the shared folders, below what it shows first.
SHARED = "shared"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbops_singleuser"}]


def _load_jupyter_server_extension(app: Any) -> None:
    show_own_kernels(app)
    link_shared_folders(app)
    outlive_the_hub(app.identity_provider.hub_auth)
    keep_no_large_body_of_strangers(app)
    PeriodicCallback(lambda: note_activity(app), INTERVAL_MILLISECONDS).start()


def show_own_kernels(app: Any) -> None:
    """A person's kernels are in the home, which JupyterHub hides with the rest of the configuration there.

    They come last, so that none takes the name of a kernel of the release.
    """
    manager = app.kernel_spec_manager
    manager.kernel_dirs = [*manager.kernel_dirs, str(pathlib.Path.home() / ".local/share/jupyter/kernels")]


class SharedFolders(Configurable):
    """Directories outside of the home that the person shares with others."""

    shown = List(help="Those that are shared.").tag(config=True)
    hidden = List(help="Those that are shared no more.").tag(config=True)


def link_shared_folders(app: Any) -> None:
    """The file browser leads to the shared folders that the person can read; other things of their names stay.

    The server does it, as its person, because nothing of root's may follow a path in a home.
    """
    folders = SharedFolders(config=app.config)
    readable = [path for path in folders.shown if os.access(path, os.R_OK | os.X_OK)]
    if readable and has_own_group():
        # A copy, or what comes out of an archive, has a mode by the umask, whatever list the folder has.
        os.umask(0o007)
    for path in (*folders.shown, *folders.hidden):
        link = pathlib.Path(app.root_dir, SHARED, os.path.basename(path))
        try:
            if path in readable:
                if not os.path.lexists(link):
                    link.parent.mkdir(exist_ok=True)
                    link.symlink_to(path)
            elif link.is_symlink() and os.readlink(link) == path:
                link.unlink()
        except OSError as error:
            app.log.warning("The shared folder %s has no link in %s: %s", path, link.parent, error.strerror)


def has_own_group() -> bool:
    """Whether nobody else is in the group to which the person's files belong."""
    try:
        name, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid())
    except KeyError:
        return False
    return group.gr_name == name and not {*group.gr_mem} - {name}


def outlive_the_hub(hub: Any) -> None:
    """Every few minutes a server asks the hub who somebody is. While the hub is away, its last answer counts.

    Whoever has none yet waits for it. JupyterHub itself fails the request of the person who works here.
    """
    ask = hub._api_request
    answers: dict[str, tuple[float, Any]] = {}

    async def ask_or_remember(method: str, *arguments: Any, **named: Any) -> Any:
        question = repr((method, arguments, named))  # with the token of the person
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            since, remembered = answers.get(question, (-math.inf, None))
            is_believed = time.monotonic() - since < BELIEVED_SECONDS
            patience = ANSWER_SECONDS if is_believed else max(end - time.monotonic(), ANSWER_SECONDS)
            try:
                answer = await asyncio.wait_for(ask(method, *arguments, **named), patience)
            except (HTTPError, TimeoutError) as error:
                if isinstance(error, HTTPError) and "Failed to connect to Hub" not in (error.log_message or ""):
                    raise
                if is_believed:
                    return remembered
                if time.monotonic() > end:
                    raise HTTPError(503, "The hub is away. Try again in a minute.") from error
            else:
                if method == "GET":
                    answers.pop(question, None)
                    answers[question] = time.monotonic(), answer
                    if len(answers) > REMEMBERED_ANSWERS:
                        del answers[next(iter(answers))]
                return answer
            await asyncio.sleep(PAUSE_SECONDS)

    hub._api_request = ask_or_remember


class Doorman(HTTPMessageDelegate):
    """Passes a request on, a stranger's without its body; the handler turns them away."""

    def __init__(self, app: Any, request: HTTPServerRequest, handler: HTTPMessageDelegate) -> None:
        self._app, self._request, self._handler = app, request, handler
        self._keeps = False
        self.finish = handler.finish
        self.on_connection_close = handler.on_connection_close

    async def headers_received(self, start_line: RequestStartLine, headers: HTTPHeaders) -> None:
        self._keeps = await is_known(self._app, self._request)
        waited_for = self._handler.headers_received(start_line, headers)
        if waited_for is not None:
            await waited_for

    def data_received(self, chunk: bytes) -> Any:
        return self._handler.data_received(chunk) if self._keeps else None


def keep_no_large_body_of_strangers(app: Any) -> None:
    """Whoever reaches the server could fill its memory, and end the kernels."""
    find = app.web_app.find_handler

    def find_handler(request: HTTPServerRequest, **named: Any) -> HTTPMessageDelegate:
        handler = find(request, **named)
        return Doorman(app, request, handler) if is_large(request.headers) else handler

    app.web_app.find_handler = find_handler


def is_large(headers: HTTPHeaders) -> bool:
    """Whether a request's body is large, or may be."""
    length = headers.get("Content-Length", "0")
    return "Transfer-Encoding" in headers or not length.isdecimal() or int(length) > LARGE_BODY


async def is_known(app: Any, request: HTTPServerRequest) -> bool:
    """Whether a request comes from somebody whom the server lets in."""
    from jupyter_server.base.handlers import JupyterHandler

    try:
        return await app.identity_provider.get_user(JupyterHandler(app.web_app, request)) is not None
    except HTTPError:
        return False


def note_activity(app: Any) -> None:
    """A kernel that computes is activity, also when it prints nothing and nobody looks.

    Without this the hub's culler, which asks for the last activity alone, stops a server that computes.
    """
    if any(kernel["execution_state"] == "busy" for kernel in app.kernel_manager.list_kernels()):
        # The server takes the latest of all settings whose names end so.
        app.web_app.settings["busy_kernels_last_activity"] = datetime.datetime.now(datetime.timezone.utc)
