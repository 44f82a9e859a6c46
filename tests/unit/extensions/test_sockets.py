"""Where a person's server listens, and how the hub finds it again."""

from __future__ import annotations

import asyncio
import importlib
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from nbops_jupyterhub import inspection

PATH = "/run/jupyterhub-sockets/ada/server.sock"
QUOTED = "%2Frun%2Fjupyterhub-sockets%2Fada%2Fserver.sock"


@pytest.fixture
def spawner(hub: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A spawner of a hub that reaches sockets, or does not."""
    module = importlib.import_module("nbops_jupyterhub.spawner")
    sockets = importlib.import_module("nbops_jupyterhub.sockets")
    monkeypatch.setattr(module, "pwd", SimpleNamespace(getpwnam=lambda name: SimpleNamespace(pw_dir=f"/home/{name}")))

    def make(
        user: str = "ada",
        server: str = "",
        version: int = 6,
        kind: str = "BoundedSystemdSpawner",
    ) -> Any:
        monkeypatch.setattr(sockets.importlib.util, "find_spec", lambda name: version >= 6 or None)
        made = getattr(module, kind)(SimpleNamespace(name=user), None, server)
        made.cmd = ["/nonexistent/bin/jupyterhub-singleuser"]
        return made

    return make


def test_a_server_listens_on_a_socket_in_a_directory_of_its_own(spawner: Callable[..., Any]) -> None:
    made = spawner()
    assert made.get_args() == [f"--ServerApp.sock={PATH}", "--ServerApp.sock_mode=0660"]
    assert asyncio.run(made.address()) == f"http+unix://{QUOTED}"
    sockets = [spawner(*who).socket for who in (("ada",), ("ada", "b"), ("ada,b",), ("ADA",), ("adA",), ("a" * 90,))]
    assert len(set(sockets)) == len(sockets)
    # The longest path that a socket can have.
    assert max(map(len, sockets)) <= 107


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "x" * 32])
def test_the_address_of_a_socket_survives_programs_that_write_hosts_in_small_letters(
    spawner: Callable[..., Any], name: str
) -> None:
    """As the hub's client of HTTP does."""
    made = spawner(name)
    place = asyncio.run(made.address()).removeprefix("http+unix://")
    assert unquote(place.lower()) == unquote(place) == made.socket


@pytest.mark.parametrize(("version", "needs_ports"), [(6, True), (5, False), (5, True)])
def test_where_the_hub_or_its_proxy_reach_no_socket_a_port_leads_to_it(
    spawner: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, version: int, needs_ports: bool
) -> None:
    """The server listens on the socket alone, and asks an older hub by the network."""
    held = []

    async def hold(unit: str, socket: str) -> int:
        held.append((unit, socket))
        return 40000

    monkeypatch.setattr(importlib.import_module("nbops_jupyterhub.ports"), "hold", hold)
    made = spawner(version=version)
    made.proxy_needs_ports, made.hub_connect_url = needs_ports, None
    monkeypatch.setattr(type(made), "_server_speaks_sockets", lambda self: True)
    assert asyncio.run(made.address()) == "http://127.0.0.1:40000"
    assert held == [("jupyterhub-port-ada.service", PATH)]
    assert made.get_args()[0] == f"--ServerApp.sock={PATH}"
    assert made.get_env()["JUPYTERHUB_SERVICE_URL"] == "http://127.0.0.1:8888/user/ada/"
    assert bool(made.hub_connect_url) == (version >= 6)


def test_a_start_frees_the_port_before_only_when_nobody_is_sent_there(
    spawner: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server before ended while the hub was away, so its route is there still."""
    done, routes = [], {"/user/ada/": {"target": "http://127.0.0.1:40000"}}

    async def get_route(spec: str) -> dict | None:
        return routes.get(spec)

    async def delete_route(spec: str) -> None:
        del routes[spec]
        done.append("route")

    async def let_go(_unit: str) -> None:
        done.append("port")

    async def hold(_unit: str, _socket: str) -> int:
        done.append("new port")
        return 40001

    ports = importlib.import_module("nbops_jupyterhub.ports")
    units = importlib.import_module("nbops_jupyterhub.units")
    monkeypatch.setattr(units, "is_held", lambda unit: True)
    monkeypatch.setattr(units, "let_go", let_go)
    monkeypatch.setattr(ports, "hold", hold)
    made = spawner(version=5)
    proxy = SimpleNamespace(get_route=get_route, delete_route=delete_route)
    made.proxy_spec, made.user.settings = "/user/ada/", {"proxy": proxy}
    assert asyncio.run(made.address()) == "http://127.0.0.1:40001"
    assert done == ["route", "port", "new port"]


@pytest.mark.parametrize(("held", "routed", "freed"), [(True, False, True), (True, True, False), (False, False, False)])
def test_a_port_is_kept_for_as_long_as_visitors_are_sent_there(
    spawner: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, held: bool, routed: bool, freed: bool
) -> None:
    """Also of a server of an older hub, or of another proxy; the administrator's own hook runs all the same."""
    done = []

    async def let_go(unit: str) -> None:
        done.append(unit)

    async def get_route(spec: str) -> dict | None:
        assert spec == "/user/ada/"
        return {"target": "http://127.0.0.1:40000"} if routed else None

    units = importlib.import_module("nbops_jupyterhub.units")
    monkeypatch.setattr(units, "is_held", lambda unit: held)
    monkeypatch.setattr(units, "let_go", let_go)
    made = spawner()
    made.proxy_spec, made.user.settings = "/user/ada/", {"proxy": SimpleNamespace(get_route=get_route)}
    made.post_stop_hook = lambda _spawner: done.append("hook")
    asyncio.run(made.run_post_stop_hook())
    assert done == [*(["jupyterhub-port-ada.service"] if freed else []), "hook"]


def test_a_proxy_that_does_not_answer_costs_no_port(
    spawner: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get_route(_spec: str) -> None:
        raise ConnectionRefusedError

    units = importlib.import_module("nbops_jupyterhub.units")
    monkeypatch.setattr(units, "is_held", lambda unit: True)
    monkeypatch.setattr(units, "let_go", lambda unit: pytest.fail("it is free"))
    made, ran = spawner(), []
    made.proxy_spec, made.user.settings = "/user/ada/", {"proxy": SimpleNamespace(get_route=get_route)}
    made.post_stop_hook = ran.append
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(made.run_post_stop_hook())
    assert ran == [made]


@pytest.mark.parametrize("is_new", [True, False])
def test_a_server_reaches_the_hub_without_a_network(spawner: Callable[..., Any], tmp_path: Path, is_new: bool) -> None:
    """Where its own JupyterHub, which has a lock of its own, knows how."""
    made = spawner()
    made.hub_connect_url, made.hub_socket = None, "/run/jupyterhub/hub.sock"
    made.cmd = [str(tmp_path / "bin/jupyterhub-singleuser")]
    package = tmp_path / "lib/python3.13/site-packages/jupyterhub"
    package.mkdir(parents=True)
    if is_new:
        (package / "httpclient.py").touch()
    assert made.get_env()["JUPYTERHUB_SERVICE_URL"] == "http://127.0.0.1:8888/user/ada/"
    assert made.hub_connect_url == ("http+unix://%2Frun%2Fjupyterhub%2Fhub.sock" if is_new else None)


@pytest.mark.parametrize("stored", [QUOTED, QUOTED.lower()])
def test_the_hub_finds_a_server_again(spawner: Callable[..., Any], stored: str) -> None:
    made = spawner()
    server = importlib.import_module("jupyterhub.objects").Server
    made.server = server(orm_server=SimpleNamespace(proto="http+unix", ip=stored))
    assert made.server.url == f"http+unix://{QUOTED}/user/ada/"
    assert made.server is made.server


def test_the_hub_finds_a_server_that_an_older_one_has_started(spawner: Callable[..., Any]) -> None:
    made = spawner()
    made.server = importlib.import_module("jupyterhub.objects").Server()
    assert made.server.url == "http://127.0.0.1:1/user/ada/"


def test_only_its_owner_and_the_group_reach_the_directory(
    spawner: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "grp", SimpleNamespace(getgrnam=lambda name: SimpleNamespace(gr_gid=4321)))
    made = spawner()
    place = tmp_path / "ada"
    monkeypatch.setattr(type(made), "socket_directory", str(place))
    for _start in range(2):
        made.make_socket_directory(1234)
        found = place.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o2710)


@pytest.mark.parametrize("kind", ["BoundedSystemdSpawner", "SurvivingLocalSpawner"])
def test_kernels_have_their_sockets_below_run_whatever_the_home_is_called(
    spawner: Callable[..., Any], kind: str
) -> None:
    made = spawner("x" * 32, "s" * 25, kind=kind)
    made.runtime_directory = f"jupyterhub-{'p' * 16}-users"
    place = made.get_env()["JUPYTER_RUNTIME_DIR"]
    assert place.startswith(f"/run/{made.runtime_directory}/H")
    assert len(f"{place}/kernel-{'0' * 36}-ipc-5") <= 107


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/r/bin:~/.local/bin:/bin", "/r/bin:/home/ada/.local/bin:/bin"),
        ("~/bin:/a~/b:~x", "/home/ada/bin:/a~/b:~x"),
    ],
)
def test_programs_of_a_person_are_found_in_the_home(spawner: Callable[..., Any], written: str, meant: str) -> None:
    made = spawner()
    made.environment = {"PATH": written}
    assert made.get_env()["PATH"] == meant


def test_a_socket_at_which_nobody_listens_any_more_is_no_server(hub: None, tmp_path: Path) -> None:
    sockets = importlib.import_module("nbops_jupyterhub.sockets")
    path = str(tmp_path / "server.sock")
    assert not sockets._listens(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert sockets._listens(path)
    assert not sockets._listens(path)
