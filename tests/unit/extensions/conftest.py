"""The same examples in every run, and enough of JupyterHub for our classes, which the tests' environment lacks."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from hypothesis import settings
from traitlets import Bool, Set
from traitlets.config import LoggingConfigurable

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")


class Authenticator(LoggingConfigurable):
    """Lower-cases names, and lets in whom a rule names."""

    allow_all = Bool(False, config=True)
    allowed_users = Set(config=True)
    blocked_users = Set(config=True)

    def normalize_username(self, username: str) -> str:
        return username.lower()

    def check_allowed(self, username: str, _authentication: object = None) -> bool:
        return username in self.allowed_users

    async def get_authenticated_user(self, _handler: object, data: str) -> dict | None:
        name = self.normalize_username(data)
        return {"name": name} if self.allow_all or await self.check_allowed(name) else None


class PAMAuthenticator(Authenticator):
    """People have their names here."""


class SystemdSpawner(LoggingConfigurable):
    """Knows its user, and keeps the name of its unit."""

    def __init__(self, user: object, authenticator: object, name: str = "", **named: object) -> None:
        super().__init__(**named)
        self.user, self.authenticator, self.name = user, authenticator, name

    def load_state(self, state: dict) -> None:
        self.unit_name = state.get("unit_name", self.unit_name)


async def maybe_future(value: object) -> object:
    return await value if hasattr(value, "__await__") else value


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our modules can be imported as in the hub's environment."""
    parts = {
        "jupyterhub": {},
        "jupyterhub.auth": {"Authenticator": Authenticator, "PAMAuthenticator": PAMAuthenticator},
        "jupyterhub.handlers": {},
        "jupyterhub.handlers.login": {"LoginHandler": object},
        "jupyterhub.spawner": {"LocalProcessSpawner": SystemdSpawner},
        "jupyterhub.utils": {"maybe_future": maybe_future},
        "systemdspawner": {"SystemdSpawner": SystemdSpawner},
        "house": {"HouseAuthenticator": type("HouseAuthenticator", (Authenticator,), {})},
    }
    for name, values in parts.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("authenticator", "spawner"):
        monkeypatch.delitem(sys.modules, f"nbops_jupyterhub.{name}", raising=False)
