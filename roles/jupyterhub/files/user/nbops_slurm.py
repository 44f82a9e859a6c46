"""The program of a job of Slurm that is a person's server: it asks the hub for the server's environment and starts it.

python -I -m nbops_slurm SOCKET PATH
python -I -m nbops_slurm ADDRESS:PORT PATH CERTIFICATE PORTS

The former runs on the hub's own host, the latter on another one: there the hub is at an address, and has that
certificate; the server is reached at one of the ports, from the hub alone.

The job has no secret. It shows by MUNGE as which account it runs, and names its number.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import http.client
import json
import os
import pathlib
import pwd
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import nbops_tunnel

# Seconds in which a hub that restarts is back, and in which the hub knows of a job that it has just submitted.
PATIENCE = 300
PATIENCE_IF_REFUSED = 20
PAUSE = 2
ANSWER_SECONDS = 30
# Seconds between two looks whether the server listens.
INTERVAL = 0.1
OK, FORBIDDEN = 200, 403

Connect = Callable[[], http.client.HTTPConnection]


class SocketConnection(http.client.HTTPConnection):
    """A connection to the hub's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("hub", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def proof(said: dict[str, Any]) -> bytes:
    """A proof of who says this, which root alone can read, and which counts once."""
    done = subprocess.run(
        ["munge", "--restrict-uid=0"],  # noqa: S607 (where the site has it)
        input=json.dumps(said).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout


def claim(connect: Connect, path: str, said: dict[str, Any]) -> dict:
    """What the hub hands over for a job. Raises OSError where it does not, or stays away."""
    begun = time.monotonic()
    while True:
        status, text = 0, b""
        try:
            status, text = asked(connect, path, proof(said))
        except (OSError, http.client.HTTPException) as error:
            text = str(error).encode()
        if status == OK:
            return json.loads(text)
        if time.monotonic() - begun > (PATIENCE_IF_REFUSED if status == FORBIDDEN else PATIENCE):
            told = text.decode(errors="replace")
            raise OSError(f"The hub hands nothing over to job {said['job']}: {status} {told}")
        time.sleep(PAUSE)


def asked(connect: Connect, path: str, text: bytes) -> tuple[int, bytes]:
    """The status and the text of the hub's answer."""
    connection = connect()
    try:
        connection.request("POST", path, text)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def taken_port(ports: str) -> socket.socket:
    """One of the ports, such as of 20000-20999, on which nobody else can listen from now on. Raises OSError."""
    first, last = map(int, ports.split("-"))
    # The hub comes by either protocol, and nobody else may have the port of one of them.
    both = socket.has_dualstack_ipv6()
    for port in random.sample(range(first, last + 1), last - first + 1):
        taken = socket.socket(socket.AF_INET6 if both else socket.AF_INET)
        if both:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            taken.bind(("", port))
        except OSError:
            taken.close()
        else:
            return taken
    raise OSError(f"none of the ports {ports} of this machine is free")


class NearHub:
    """A hub on this machine: it and the server are sockets for each other."""

    def __init__(self, path: str) -> None:
        self.connect = functools.partial(SocketConnection, path)

    def said(self, _directory: str) -> dict[str, Any]:
        return {}

    async def open(self, _directory: str, _answer: dict) -> None:
        """Nothing is between them."""

    async def let_visitors_in(self) -> None:
        """The hub sees the socket."""

    def close(self) -> None:
        """Nothing is open."""


class FarHub:
    """A hub on another machine: TLS leads from the hub to the server's socket, and from a socket here to the hub."""

    def __init__(self, address: str, certificate: str, ports: str) -> None:
        host, _colon, port = address.rpartition(":")
        self._address = host.strip("[]"), int(port)
        self._tls = nbops_tunnel.client(base64.b64decode(certificate))
        self._port = taken_port(ports)
        self._pair = self._server = ""
        self._visitors: Any = None
        self._open: list[asyncio.Server] = []

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPSConnection(*self._address, timeout=ANSWER_SECONDS, context=self._tls)

    def said(self, directory: str) -> dict[str, Any]:
        """What the hub needs to know to reach the server. The key stays in the directory."""
        key, certificate = nbops_tunnel.make_certificate()
        self._pair, self._server = f"{directory}/pair.pem", f"{directory}/server.sock"
        descriptor = os.open(self._pair, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(key + certificate)
        account = pwd.getpwuid(os.getuid()).pw_name
        port = self._port.getsockname()[1]
        return {"account": account, "port": port, "certificate": certificate, "directory": directory}

    async def open(self, directory: str, answer: dict) -> None:
        """Lead the server to the hub."""
        to_hub = functools.partial(asyncio.open_connection, *self._address, ssl=self._tls)
        self._open.append(await asyncio.start_unix_server(nbops_tunnel.forwarder(to_hub), f"{directory}/hub.sock"))
        self._visitors = nbops_tunnel.server(self._pair, answer["visitor"])

    async def let_visitors_in(self) -> None:
        """Wait until the server listens; the hub takes an open port for one that does."""
        while not listens(self._server):
            await asyncio.sleep(INTERVAL)
        to_server = functools.partial(asyncio.open_unix_connection, self._server)
        self._open.append(
            await asyncio.start_server(
                nbops_tunnel.forwarder(to_server),
                sock=self._port,
                ssl=self._visitors,
                ssl_handshake_timeout=nbops_tunnel.HANDSHAKE_SECONDS,
            )
        )

    def close(self) -> None:
        """Lead nobody any more."""
        for listener in self._open:
            listener.close()


def listens(path: str) -> bool:
    """Whether somebody answers at a socket."""
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.setblocking(False)
        return visitor.connect_ex(path) == 0


def of_release(answer: dict, release: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment of a server in the release that its job has: what the hub calls current may be newer."""
    current = str(pathlib.Path(answer["command"][0]).parents[1])
    command, environment = answer["command"], answer["environment"]
    return (
        [text.replace(current, release) for text in command],
        {name: value.replace(current, release) for name, value in environment.items()},
    )


async def serve(hub: NearHub | FarHub, answer: dict, directory: str) -> int:
    """Run the server until it ends; its status. Its runtime directory is on this machine."""
    command, environment = of_release(answer, str(pathlib.Path(sys.executable).parents[1]))
    of_slurm = {name: value for name, value in os.environ.items() if name.startswith(("SLURM", "CUDA_", "ROCR_"))}
    if root := environment.get("JUPYTERHUB_ROOT_DIR"):
        pathlib.Path(root.replace("~", environment["HOME"], 1)).mkdir(parents=True, exist_ok=True)
    own = {"JUPYTER_RUNTIME_DIR": directory}
    await hub.open(directory, answer)
    server = await asyncio.create_subprocess_exec(*command, env={**of_slurm, **environment, **own})
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, functools.partial(end, server))
    visitors = asyncio.create_task(hub.let_visitors_in())
    try:
        status = await server.wait()
    finally:
        visitors.cancel()
        hub.close()
    # As a shell says it of a process that a signal has ended.
    return status if status >= 0 else 128 - status


def end(server: asyncio.subprocess.Process) -> None:
    """Let a server end, unless it has."""
    with contextlib.suppress(ProcessLookupError):
        server.terminate()


def leave(_signal: int, _frame: object) -> None:
    """End with all that is to be done before."""
    sys.exit(128 + signal.SIGTERM)


def main() -> int:
    signal.signal(signal.SIGTERM, leave)
    address, path, *of_far_hub = sys.argv[1:]
    hub = FarHub(address, *of_far_hub) if of_far_hub else NearHub(address)
    with tempfile.TemporaryDirectory(prefix="jupyter-", ignore_cleanup_errors=True) as directory:
        said = {"job": int(os.environ["SLURM_JOB_ID"]), **hub.said(directory)}
        return asyncio.run(serve(hub, claim(hub.connect, path, said), directory))


if __name__ == "__main__":
    sys.exit(main())
