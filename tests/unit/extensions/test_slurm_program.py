"""The program of a job that is a server: it asks the hub, and starts what it gets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.server
import json
import os
import pathlib
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import nbops_slurm
import nbops_tunnel
import pytest

PATH = "/hub/api/nbops/claim"


class Hub(socketserver.UnixStreamServer):
    """Answers with one status after the other, and keeps what it was sent."""

    def __init__(self, path: str, statuses: list[int]) -> None:
        self.statuses, self.sent = statuses, []
        super().__init__(path, Handler)

    def get_request(self) -> tuple:
        connection, _address = super().get_request()
        return connection, ("job", 0)


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_POST(self) -> None:
        self.server.sent.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.statuses.pop(0))
        self.end_headers()
        self.wfile.write(json.dumps({"command": ["server"]}).encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def hub(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, whose job makes another proof each time and never waits."""
    proofs = iter(range(100))
    monkeypatch.setattr(nbops_slurm, "proof", lambda said: f"{said['job']} {next(proofs)}".encode())
    monkeypatch.setattr(nbops_slurm, "PAUSE", 0)
    with Hub(str(tmp_path / "hub.sock"), []) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def at(path: str) -> Callable[[], nbops_slurm.SocketConnection]:
    """What connects to a hub at a socket."""
    return lambda: nbops_slurm.SocketConnection(path)


def test_a_job_asks_until_the_hub_knows_it(hub: Hub) -> None:
    """A proof counts once, so each question has its own."""
    hub.statuses = [403, 502, 200]
    assert nbops_slurm.claim(at(hub.server_address), PATH, {"job": 7}) == {"command": ["server"]}
    assert hub.sent == [(PATH, f"7 {number}".encode()) for number in range(3)]


@pytest.mark.parametrize(("status", "patience"), [(403, "PATIENCE_IF_REFUSED"), (502, "PATIENCE")])
def test_a_job_that_gets_nothing_ends(hub: Hub, monkeypatch: pytest.MonkeyPatch, status: int, patience: str) -> None:
    monkeypatch.setattr(nbops_slurm, patience, -1)
    hub.statuses = [status]
    with pytest.raises(OSError, match=f"nothing over to job 7: {status}"):
        nbops_slurm.claim(at(hub.server_address), PATH, {"job": 7})


def test_a_hub_that_stays_away_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nbops_slurm, "PATIENCE", -1)
    monkeypatch.setattr(nbops_slurm, "proof", lambda said: b"")
    with pytest.raises(OSError, match=r"job 7: 0 .*No such file"):
        nbops_slurm.claim(at(str(tmp_path / "hub.sock")), PATH, {"job": 7})


def test_a_server_has_what_the_hub_hands_over_and_what_slurm_says(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing else of the job's environment, which a person's own files may set."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("LD_PRELOAD_OF_THE_JOB", "x")
    program = (
        "import json, os, pathlib, sys; mode = os.stat(os.environ['JUPYTER_RUNTIME_DIR']).st_mode; "
        "pathlib.Path(sys.argv[1]).write_text(json.dumps([dict(os.environ), mode]))"
    )
    told = tmp_path / "told"
    environment = {"HOME": str(tmp_path), "JUPYTERHUB_API_TOKEN": "secret", "JUPYTERHUB_ROOT_DIR": "~/notebooks"}
    command = [sys.executable, "-c", program, str(told)]
    answer = {"command": command, "environment": environment}
    directory = tmp_path / "own"
    directory.mkdir(0o700)
    assert asyncio.run(nbops_slurm.serve(nbops_slurm.NearHub(""), answer, str(directory))) == 0
    found, mode = json.loads(told.read_text())
    assert mode & 0o777 == 0o700
    assert found.pop("JUPYTER_RUNTIME_DIR") == str(directory)
    found.pop("LC_CTYPE", None)  # Python's own
    assert found == {"SLURM_JOB_ID": "7", **environment}
    assert (tmp_path / "notebooks").is_dir()


def test_a_job_that_is_cancelled_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    """Also where the server does not end by itself at once."""
    server = "import os, signal; print(os.environ['JUPYTER_RUNTIME_DIR'], flush=True); signal.pause()"
    job = (
        "import nbops_slurm, sys; sys.argv[1:] = ['', '']; "
        f"nbops_slurm.claim = lambda *_: {{'command': [sys.executable, '-c', {server!r}], 'environment': {{}}}}; "
        "sys.exit(nbops_slurm.main())"
    )
    place = str(pathlib.Path(nbops_slurm.__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", job],
        env={"PYTHONPATH": place, "PYTHONDONTWRITEBYTECODE": "1", "SLURM_JOB_ID": "7"},
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        runtime = running.stdout.readline().strip()
        assert os.path.isdir(runtime)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 128 + signal.SIGTERM
    assert not os.path.exists(runtime)


SERVER = """
import contextlib, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
for visitor in ("a look whether it listens", "a visit"):
    with contextlib.suppress(OSError), listener.accept()[0] as connection:
        connection.sendall(b"served")
"""


def test_a_server_on_a_node_is_reached_with_the_certificate_that_the_hub_has(tmp_path: pathlib.Path) -> None:
    visitor_key, visitor = nbops_tunnel.make_certificate()
    pair = tmp_path / "visitor.pem"
    pair.write_text(visitor_key + visitor)
    hub = nbops_slurm.FarHub(
        "10.0.0.10:8082", base64.b64encode(ssl.PEM_cert_to_DER_cert(visitor)).decode(), "20000-20999"
    )
    said = hub.said(str(tmp_path))
    assert 20000 <= said["port"] <= 20999
    assert said["directory"] == str(tmp_path)
    assert (tmp_path / "pair.pem").stat().st_mode & 0o777 == 0o600
    command = [sys.executable, "-c", SERVER, str(tmp_path / "server.sock")]
    answer = {"command": command, "environment": {}, "visitor": visitor}

    async def visited() -> bytes:
        serving = asyncio.create_task(nbops_slurm.serve(hub, answer, str(tmp_path)))
        tls = nbops_tunnel.client(said["certificate"], str(pair))
        while True:
            # Until the server listens, the port is closed to everybody.
            with contextlib.suppress(ConnectionRefusedError):
                reader, writer = await asyncio.open_connection("127.0.0.1", said["port"], ssl=tls)
                break
            await asyncio.sleep(0.01)
        text = await reader.read()
        writer.close()
        assert await serving == 0
        return text

    assert asyncio.run(asyncio.wait_for(visited(), 30)) == b"served"


FAMILIES = [(socket.AF_INET, "127.0.0.1")]
if socket.has_dualstack_ipv6():
    FAMILIES.append((socket.AF_INET6, "::1"))


@pytest.mark.parametrize(("family", "address"), FAMILIES)
def test_a_port_that_is_taken_is_nobody_elses_and_none_is_told(family: int, address: str) -> None:
    taken = nbops_slurm.taken_port("20000-20999")
    port = taken.getsockname()[1]
    with taken:
        with pytest.raises(OSError, match=f"none of the ports {port}-{port} of this machine is free"):
            nbops_slurm.taken_port(f"{port}-{port}")
        with socket.socket(family) as other, pytest.raises(OSError, match="in use"):
            other.bind((address, port))


@pytest.mark.parametrize(("family", "address"), FAMILIES)
def test_the_hub_comes_by_either_protocol(family: int, address: str) -> None:
    with nbops_slurm.taken_port("20000-20999") as taken, socket.socket(family) as hub:
        taken.listen()
        hub.connect((address, taken.getsockname()[1]))


def test_a_server_runs_wholly_in_the_release_of_its_job() -> None:
    answer = {
        "command": ["/opt/jupyterhub/user/current/bin/jupyterhub-singleuser", "--ServerApp.sock=/tmp/server.sock"],
        "environment": {
            "PATH": "/opt/jupyterhub/user/current/overlay/bin:/opt/jupyterhub/user/current/bin:/usr/bin",
            "JUPYTER_CONFIG_DIR": "/etc/jupyterhub/singleuser",
        },
    }
    release = "/opt/jupyterhub/user/releases/1f0c2ab9d3e4"
    assert nbops_slurm.of_release(answer, release) == (
        [f"{release}/bin/jupyterhub-singleuser", "--ServerApp.sock=/tmp/server.sock"],
        {"PATH": f"{release}/overlay/bin:{release}/bin:/usr/bin", "JUPYTER_CONFIG_DIR": "/etc/jupyterhub/singleuser"},
    )
