"""What servers on other machines reach of the hub."""

from __future__ import annotations

import asyncio
import base64
import importlib
import pathlib
import ssl
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import nbops_tunnel
import pytest
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler


class Everything(RequestHandler):
    """A hub that answers everywhere."""

    def get(self) -> None:
        self.write(self.request.path)


@pytest.fixture
def nodes(hub: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    return importlib.import_module("nbops_jupyterhub.nodes")


async def status_of(nodes: Any, path: str) -> int:
    """What a node gets that asks for a path, knowing the hub's certificate."""
    listener, port = bind_unused_port()
    server = nodes.listen(Application([("/.*", Everything)], hub=SimpleNamespace(base_url="/hub/")), [listener])
    tls = nbops_tunnel.client(base64.b64decode(nodes.certificate()))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    server.stop()
    await server.close_all_connections()
    return int(line.split()[1])


@pytest.mark.parametrize(
    "path", ["api", "api/", "api/user", "api/oauth2/token", "api/users/ada/activity", "api/nbops/claim", "api/user?a=b"]
)
def test_servers_get_what_they_ask_for(nodes: Any, path: str) -> None:
    assert asyncio.run(status_of(nodes, f"/hub/{path}")) == HTTPStatus.OK


@pytest.mark.parametrize(
    "path", ["login", "", "api/users", "api/users/ada/tokens", "api/users/ada/server", "api/user/../users", "apiXuser"]
)
def test_nobody_gets_more(nodes: Any, path: str) -> None:
    assert asyncio.run(status_of(nodes, f"/hub/{path}")) == HTTPStatus.NOT_FOUND


def test_the_hub_keeps_its_certificate_and_root_alone_reads_the_key(nodes: Any, tmp_path: pathlib.Path) -> None:
    """Jobs that run know it by that."""
    told = nodes.certificate()
    assert nodes.certificate() == told
    assert (tmp_path / "nodes.pem").stat().st_mode & 0o777 == 0o600
    assert ssl.DER_cert_to_PEM_cert(base64.b64decode(told)) in (tmp_path / "nodes.pem").read_text()
