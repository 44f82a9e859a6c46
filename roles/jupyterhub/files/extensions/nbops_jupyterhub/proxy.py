"""traefik as the hub's proxy: a unit of its own, which watches the file of routes that the hub writes."""

from __future__ import annotations

import os
from functools import partial
from http import HTTPStatus
from typing import Any

import bcrypt
from jupyterhub.utils import exponential_backoff
from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy
from jupyterhub_traefik_proxy.traefik_utils import TraefikConfigFileHandler, atomic_writing, generate_alias
from tornado.httpclient import HTTPClientError
from traitlets import default, observe


class ReadableFile(TraefikConfigFileHandler):
    """traefik runs as nobody in particular; others are kept out by the directory that the file's own lies in."""

    def atomic_dump(self, data: dict[str, Any]) -> None:
        with atomic_writing(self.file_path) as file:
            os.fchmod(file.fileno(), 0o644)
            self._dump(data, file)


class RunningTraefikProxy(TraefikFileProviderProxy):
    """A traefik that outlives the hub."""

    @observe("dynamic_config_file")
    def _set_dynamic_config_file(self, change: Any) -> None:
        self.dynamic_config_handler = ReadableFile(change.new)

    @default("traefik_api_hashed_password")
    def _hash(self) -> str:
        """traefik computes it for each request; slowness is for words, and this is a token of 256 bits."""
        return bcrypt.hashpw(self.traefik_api_password.encode(), bcrypt.gensalt(rounds=4)).decode()

    @default("dynamic_config")
    def _routes_alone(self) -> dict[str, Any]:
        """Of what an earlier hub wrote, the routes; the rest would win over today's token and certificate."""
        config = super()._load_dynamic_config()
        config["http"].pop("middlewares", None)
        config["http"]["routers"].pop("route_api", None)
        config.pop("tls", None)
        return config

    async def get_route(self, routespec: str) -> dict[str, Any] | None:
        """What the file says; None comes only when traefik sends nobody there any more. Raises TimeoutError.

        Others may have the port then.
        """
        route = await super().get_route(routespec)
        if route is None:
            await exponential_backoff(
                partial(self._has_forgotten, self.validate_routespec(routespec)),
                f"traefik still leads to {routespec}",
                timeout=self.check_route_timeout,
            )
        return route

    async def _has_forgotten(self, routespec: str) -> bool:
        router = f"{generate_alias(routespec, 'router')}@{self.provider_name}"
        try:
            await self._traefik_api_request(f"/api/http/routers/{router}")
        except HTTPClientError as error:
            return error.code == HTTPStatus.NOT_FOUND
        except OSError:
            # It restarts, and will read its file.
            self.log.info("traefik does not answer")
        return False
