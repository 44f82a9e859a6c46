"""Jupyter server extension of every person's server: what a hub for a team lacks without it."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any

from tornado.ioloop import PeriodicCallback

INTERVAL_MILLISECONDS = 10_000


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbops_singleuser"}]


def _load_jupyter_server_extension(app: Any) -> None:
    show_own_kernels(app)
    PeriodicCallback(lambda: note_activity(app), INTERVAL_MILLISECONDS).start()


def show_own_kernels(app: Any) -> None:
    """A person's kernels are in the home, which JupyterHub hides with the rest of the configuration there.

    They come last, so that none takes the name of a kernel of the release.
    """
    manager = app.kernel_spec_manager
    manager.kernel_dirs = [*manager.kernel_dirs, str(pathlib.Path.home() / ".local/share/jupyter/kernels")]


def note_activity(app: Any) -> None:
    """A kernel that computes is activity, also when it prints nothing and nobody looks.

    Without this the hub's culler, which asks for the last activity alone, stops a server that computes.
    """
    if any(kernel["execution_state"] == "busy" for kernel in app.kernel_manager.list_kernels()):
        # The server takes the latest of all settings whose names end so.
        app.web_app.settings["busy_kernels_last_activity"] = datetime.datetime.now(datetime.timezone.utc)
