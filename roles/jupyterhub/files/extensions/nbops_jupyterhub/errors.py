"""Why a server does not start, in words for the person who waits for it."""

from __future__ import annotations


class StartError(Exception):
    """Why there is no server for a user; the hub shows the sentence to them."""

    @property
    def jupyterhub_message(self) -> str:
        return str(self)
