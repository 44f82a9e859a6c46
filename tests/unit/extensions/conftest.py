"""The same examples in every run, and enough of JupyterHub for our classes, which the tests' environment lacks."""

from __future__ import annotations

import pathlib
import sys
from types import MappingProxyType, ModuleType

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._accounts import people
from ansible_collections.nbops.jupyter.plugins.module_utils._files import sqlite
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import python_config
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import homes
from hypothesis import settings
from traitlets import Any, Bool, HasTraits, Set, Unicode
from traitlets.config import LoggingConfigurable

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.load_profile("same")

# A release of the hub has a copy of each.
sys.modules["nbops_jupyterhub.people"] = people
sys.modules["nbops_jupyterhub.python_config"] = python_config
sys.modules["nbops_jupyterhub.sqlite"] = sqlite


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
    """People have their names here; PAM takes a name as the host writes it."""

    def authenticate(self, _handler: object, data: dict) -> str | None:
        return data["username"] if data["username"] in self.known_to_pam else None


class Server(HasTraits):
    """What the hub stores of a server."""

    orm_server = Any()
    proto, ip, base_url = Unicode("http"), Unicode("127.0.0.1"), Unicode("/user/ada/")

    def __init__(self, orm_server: object = None, **named: object) -> None:
        super().__init__(orm_server=orm_server, **named)
        if orm_server:
            self.proto, self.ip = orm_server.proto, orm_server.ip

    @property
    def url(self) -> str:
        return f"{self.host}{self.base_url}"

    @property
    def host(self) -> str:
        return f"{self.proto}://{self.ip}:1"


class Spawner(LoggingConfigurable):
    """Has the server that somebody gave it."""

    _server = None
    environment = MappingProxyType({})
    user_options = MappingProxyType({})
    post_stop_hook = None

    @property
    def server(self) -> Server | None:
        return self._server

    @server.setter
    def server(self, server: Server | None) -> None:
        self._server = server

    def run_post_stop_hook(self) -> object:
        return self.post_stop_hook and self.post_stop_hook(self)

    async def get_options_form(self) -> str:
        return "the administrator's own form"

    def get_args(self) -> list[str]:
        return []

    def get_state(self) -> dict:
        return {}

    def load_state(self, state: dict) -> None:
        """Nothing of its own."""

    def get_env(self) -> dict[str, str]:
        ours = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/", "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1/user/ada/"}
        return {**ours, **self.environment}


class SystemdSpawner(Spawner):
    """Knows its user, keeps the name of its unit, and says of it what it was given: None while it runs."""

    status: int | None = None

    def __init__(self, user: object, authenticator: object, name: str = "", **named: object) -> None:
        super().__init__(**named)
        self.user, self.authenticator, self.name = user, authenticator, name

    def load_state(self, state: dict) -> None:
        self.unit_name = state.get("unit_name", self.unit_name)

    async def poll(self) -> int | None:
        return self.status


def make_environment_file(directory: str, unit: str, variables: dict[str, str]) -> str:
    """Writes a file as systemdspawner does."""
    path = pathlib.Path(directory, f"{unit}.env")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    path.chmod(0o400)
    return str(path)


async def maybe_future(value: object) -> object:
    return await value if hasattr(value, "__await__") else value


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our modules can be imported as in the hub's environment."""
    apihandlers, orm = ModuleType("jupyterhub.apihandlers"), ModuleType("jupyterhub.orm")
    apihandlers.default_handlers = []
    systemd = ModuleType("systemdspawner.systemd")
    systemd.make_environment_file = make_environment_file
    parts = {
        "jupyterhub": {"apihandlers": apihandlers, "orm": orm},
        "jupyterhub.apihandlers.base": {"APIHandler": type("APIHandler", (), {})},
        "jupyterhub.auth": {"Authenticator": Authenticator, "PAMAuthenticator": PAMAuthenticator},
        "jupyterhub.handlers": {},
        "jupyterhub.handlers.login": {"LoginHandler": type("LoginHandler", (), {})},
        "jupyterhub.objects": {"Server": Server},
        "jupyterhub.spawner": {"LocalProcessSpawner": SystemdSpawner, "Spawner": Spawner},
        "jupyterhub.utils": {
            "can_connect": lambda *where, **named: True,
            "maybe_future": maybe_future,
            "random_port": lambda: 40000,
            "url_path_join": lambda *parts: "/" + "/".join(part.strip("/") for part in parts),
        },
        "systemdspawner": {"SystemdSpawner": SystemdSpawner, "systemd": systemd},
        "house": {"HouseAuthenticator": type("HouseAuthenticator", (Authenticator,), {})},
    }
    for name, values in parts.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    # A release of the hub has a copy of it.
    monkeypatch.setitem(sys.modules, "nbops_jupyterhub.homes", homes)
    for name in ("authenticator", "environments", "slurm", "sockets", "spawner"):
        monkeypatch.delitem(sys.modules, f"nbops_jupyterhub.{name}", raising=False)
