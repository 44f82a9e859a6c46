"""Jupyter server extension: a kernel that computes is activity, also when it prints nothing and nobody looks.

Without it the hub's culler, which asks for the last activity alone, stops a server in the middle of a long computation.
"""

from __future__ import annotations

import datetime
from typing import Any

from tornado.ioloop import PeriodicCallback

INTERVAL_MILLISECONDS = 10_000


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "nbops_activity"}]


def _load_jupyter_server_extension(app: Any) -> None:
    def look() -> None:
        if any(kernel["execution_state"] == "busy" for kernel in app.kernel_manager.list_kernels()):
            # The server takes the latest of all settings whose names end so.
            app.web_app.settings["busy_kernels_last_activity"] = datetime.datetime.now(datetime.timezone.utc)

    PeriodicCallback(look, INTERVAL_MILLISECONDS).start()
