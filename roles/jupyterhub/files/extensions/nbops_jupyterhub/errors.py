"""Why a server does not start, in words for the person who waits for it."""

from __future__ import annotations

from tornado.web import HTTPError


class StartError(HTTPError):
    """Why there is no server for a user; the hub shows the sentence to them.

    Of an error of another kind, the page that starts a server says only that it was unhandled.
    """

    status = 500

    def __init__(self, sentence: str) -> None:
        super().__init__(self.status)
        self._sentence = sentence

    def __str__(self) -> str:
        return self._sentence

    @property
    def jupyterhub_message(self) -> str:
        return str(self)
