"""Jupyter server extension of every person's server: what a hub for a team lacks without it."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
import time
from typing import Any

from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError

INTERVAL_MILLISECONDS = 10_000
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.5


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbops_singleuser"}]


def _load_jupyter_server_extension(app: Any) -> None:
    show_own_kernels(app)
    wait_for_the_hub(app.identity_provider.hub_auth)
    PeriodicCallback(lambda: note_activity(app), INTERVAL_MILLISECONDS).start()


def show_own_kernels(app: Any) -> None:
    """A person's kernels are in the home, which JupyterHub hides with the rest of the configuration there.

    They come last, so that none takes the name of a kernel of the release.
    """
    manager = app.kernel_spec_manager
    manager.kernel_dirs = [*manager.kernel_dirs, str(pathlib.Path.home() / ".local/share/jupyter/kernels")]


def wait_for_the_hub(hub: Any) -> None:
    """Every few minutes a server asks the hub who somebody is. While the hub restarts, it asks again.

    JupyterHub itself fails the request of the person who works here.
    """
    ask = hub._api_request

    async def ask_again(*arguments: Any, **named: Any) -> Any:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await ask(*arguments, **named)
            except HTTPError as error:
                if "Failed to connect to Hub" not in (error.log_message or "") or time.monotonic() > end:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)

    hub._api_request = ask_again


def note_activity(app: Any) -> None:
    """A kernel that computes is activity, also when it prints nothing and nobody looks.

    Without this the hub's culler, which asks for the last activity alone, stops a server that computes.
    """
    if any(kernel["execution_state"] == "busy" for kernel in app.kernel_manager.list_kernels()):
        # The server takes the latest of all settings whose names end so.
        app.web_app.settings["busy_kernels_last_activity"] = datetime.datetime.now(datetime.timezone.utc)
