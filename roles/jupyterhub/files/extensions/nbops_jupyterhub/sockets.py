"""Users' servers on UNIX sockets, each in a directory that only its owner, the hub and the proxy reach.

A port of its own would be anybody's: whoever is faster than the server that is being started gets its visitors. Where
the hub or the proxy needs one, systemd has it, see ports.py.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import pathlib
import socket
from urllib.parse import quote

from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner
from jupyterhub.utils import can_connect, maybe_future
from traitlets import Bool, Unicode
from traitlets.config import Configurable

from nbops_jupyterhub import names, ports, units
from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.inspection import make_socket_directory

SCHEME = "http+unix"
# jupyter_server takes a socket only beside its default port, on which it does not listen then.
DEFAULT_PORT = 8888
# Seconds between two looks at the socket of a server that starts, and looks between two questions whether it runs:
# those start a program.
INTERVAL = 0.2
LOOKS = 10


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
    servers_group = Unicode("jupyterhub-servers", help="Unix group of those who reach servers beside their owners.")
    hub_socket = Unicode("", help="Where servers reach the hub without a network.")
    proxy_needs_ports = Bool(False, help="Whether the hub's proxy reaches no UNIX socket.")
    port_prefix = Unicode("jupyterhub-port", help="What the names of the units begin with that have servers' ports.")
    for trait in (runtime_directory, sockets_directory, servers_group, hub_socket, proxy_needs_ports, port_prefix):
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
    def has_port(self) -> bool:
        """Whether a server that starts now gets a port beside its socket."""
        return self.proxy_needs_ports or not _hub_speaks_sockets()

    async def address(self) -> str:
        """The URL for hub and proxy of the server that starts next; nobody else answers there. Raises PortError."""
        unit = self._port_unit()
        if units.is_held(unit):
            # The server before ended while the hub was away: visitors may still be sent there.
            proxy = self.user.settings["proxy"]
            if await proxy.get_route(self.proxy_spec):
                await proxy.delete_route(self.proxy_spec)
            await self._let_port_go()
        if not self.has_port:
            return _url(self.socket)
        return f"http://{ports.ADDRESS}:{await ports.hold(unit, self.socket)}"

    async def wait_until_it_listens(self) -> None:
        """Of a server that was started just now. Raises StartError where it ends before.

        The hub would ask for it less and less often, and go on until its time is over where it has ended.
        """
        for look in itertools.count(1):
            if await self.is_listening():
                return
            if look % LOOKS == 0 and await self.poll() is not None:
                raise self.ended()
            await asyncio.sleep(INTERVAL)

    async def is_listening(self) -> bool:
        """Whether the server can be reached already."""
        return _listens(self.socket)

    def ended(self) -> StartError:
        """What a person reads whose server ended before it was ready."""
        return StartError(f"Your server ended before it was ready. Ask the administrator to look at: {self.journal}")

    @property
    def journal(self) -> str:
        """The command that shows what the server says."""
        return "journalctl --boot"

    async def run_post_stop_hook(self) -> None:
        """Frees the port. The hub calls this however a server ended; `stop` only where it still ran."""
        try:
            await self._let_port_go()
        finally:
            await maybe_future(super().run_post_stop_hook())

    async def _let_port_go(self) -> None:
        unit = self._port_unit()
        # Of a server that ended while the hub was away, visitors are sent there still: the next start frees it.
        if units.is_held(unit) and not await self.user.settings["proxy"].get_route(self.proxy_spec):
            await units.let_go(unit)

    def _port_unit(self) -> str:
        return names.unit(self.port_prefix, self.user.name, self.name)

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

    def sockets_of_server(self) -> tuple[str, str]:
        """Where the server, on its own machine, makes its socket, and finds that of the hub."""
        return self.socket, self.hub_socket

    def speaks_sockets(self) -> bool:
        """Whether server and hub reach each other at sockets."""
        return _hub_speaks_sockets() and self._server_speaks_sockets()

    def _server_speaks_sockets(self) -> bool:
        """Whether the JupyterHub of the server's own environment is new enough, which has a lock of its own."""
        environment = pathlib.Path(self.cmd[0]).parent.parent
        return any(environment.glob("lib/python3*/site-packages/jupyterhub/httpclient.py"))

    def get_args(self) -> list[str]:
        args = super().get_args()
        return [*args, f"--ServerApp.sock={self.sockets_of_server()[0]}", "--ServerApp.sock_mode=0660"]

    def get_env(self) -> dict[str, str]:
        if self.speaks_sockets():
            self.hub_connect_url = _url(self.sockets_of_server()[1])
        environment = super().get_env()
        environment["JUPYTER_RUNTIME_DIR"] = self.directory
        path = environment.get("JUPYTERHUB_SERVICE_PREFIX", "/")
        environment["JUPYTERHUB_SERVICE_URL"] = f"http://127.0.0.1:{DEFAULT_PORT}{path}"
        return environment

    def make_socket_directory(self, owner: int) -> None:
        """Make it without systemd, where the hub may do so itself."""
        make_socket_directory(self.socket_directory, owner, self.servers_group)


def _hub_speaks_sockets() -> bool:
    """Whether this JupyterHub is new enough to reach a server, and to be reached, at a UNIX socket: 6 is."""
    return importlib.util.find_spec("jupyterhub.httpclient") is not None


def _listens(path: str) -> bool:
    """Whether somebody answers at a socket; older JupyterHubs cannot ask."""
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.setblocking(False)
        return visitor.connect_ex(path) == 0


def _quoted(path: str) -> str:
    """A path as the host of a URL, which programs write in small letters: a capital X in a name would not survive."""
    return "".join(f"%{ord(letter):02X}" if letter.isupper() else quote(letter, safe="") for letter in path)


def _url(path: str) -> str:
    return f"{SCHEME}://{_quoted(path)}"
