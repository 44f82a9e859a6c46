"""Users' servers on UNIX sockets, each in a directory that only its owner, the hub and the proxy reach.

A port would be anybody's: whoever is faster than the server that is being started gets its visitors.
"""

from __future__ import annotations

import importlib.util
import pathlib
from urllib.parse import quote

from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner
from jupyterhub.utils import can_connect
from traitlets import Unicode
from traitlets.config import Configurable

from nbops_jupyterhub import names
from nbops_jupyterhub.inspection import make_socket_directory

SCHEME = "http+unix"
# jupyter_server takes a socket only beside its default port, on which it does not listen then.
DEFAULT_PORT = 8888


class SocketServer(Server):
    """A server at a socket. JupyterHub's own class writes the path in small letters, and adds a port."""

    path = Unicode(help="Path of the socket, quoted as in a URL.")

    @property
    def host(self) -> str:
        return f"{SCHEME}://{self.path}"

    @property
    def _connect_ip(self) -> str:
        return self.path

    def is_up(self) -> bool:
        return can_connect(self.path, unix_socket=True)


class SocketMixin(Configurable):
    """Starts servers that listen on a socket, and still knows those with a port that an older hub has started."""

    runtime_directory = Unicode("jupyterhub-users", help="Directory below /run with one for each server.")
    sockets_directory = Unicode("jupyterhub-sockets", help="Directory below /run with one for each server's socket.")
    servers_group = Unicode("", help="Unix group of the hub and its proxy; empty where servers listen on ports.")
    hub_socket = Unicode("", help="Where servers reach the hub without a network.")
    for trait in (runtime_directory, sockets_directory, servers_group, hub_socket):
        trait.tag(config=True)

    @property
    def server(self) -> Server | None:
        server = Spawner.server.fget(self)
        if server is not None and server.proto == SCHEME and not isinstance(server, SocketServer):
            self._server = server = SocketServer(orm_server=server.orm_server, path=_quoted(self.socket))
        return server

    @server.setter
    def server(self, server: Server | None) -> None:
        Spawner.server.fset(self, server)

    @property
    def has_socket(self) -> bool:
        """Whether a server that starts now gets a socket; JupyterHub before 6 reaches none."""
        return bool(self.servers_group) and importlib.util.find_spec("jupyterhub.httpclient") is not None

    @property
    def directory(self) -> str:
        """The server's directory below /run, which is its owner's alone: its kernels have their sockets there."""
        return names.kernels_directory(f"/run/{self.runtime_directory}", self.user.name, self.name)

    @property
    def socket_directory(self) -> str:
        """Where the server makes its socket. The parent is root's: nobody can put a link in its place."""
        return f"/run/{self.sockets_directory}/{names.directory(self.user.name, self.name)}"

    @property
    def socket(self) -> str:
        return f"{self.socket_directory}/server.sock"

    @property
    def socket_url(self) -> str:
        return _url(self.socket)

    def _server_speaks_sockets(self) -> bool:
        """Whether the JupyterHub of the server's own environment is new enough, which has a lock of its own."""
        environment = pathlib.Path(self.cmd[0]).parent.parent
        return any(environment.glob("lib/python3*/site-packages/jupyterhub/httpclient.py"))

    def get_args(self) -> list[str]:
        args = super().get_args()
        return [*args, f"--ServerApp.sock={self.socket}", "--ServerApp.sock_mode=0660"] if self.has_socket else args

    def get_env(self) -> dict[str, str]:
        if self.has_socket and self._server_speaks_sockets():
            self.hub_connect_url = _url(self.hub_socket)
        environment = super().get_env()
        environment["JUPYTER_RUNTIME_DIR"] = self.directory
        if self.has_socket:
            path = environment.get("JUPYTERHUB_SERVICE_PREFIX", "/")
            environment["JUPYTERHUB_SERVICE_URL"] = f"http://127.0.0.1:{DEFAULT_PORT}{path}"
        return environment

    def make_socket_directory(self, owner: int) -> None:
        """Make it without systemd, where the hub may do so itself."""
        make_socket_directory(self.socket_directory, owner, self.servers_group)


def _quoted(path: str) -> str:
    """A path as the host of a URL, which programs write in small letters: a capital X in a name would not survive."""
    return "".join(f"%{ord(letter):02X}" if letter.isupper() else quote(letter, safe="") for letter in path)


def _url(path: str) -> str:
    return f"{SCHEME}://{_quoted(path)}"
