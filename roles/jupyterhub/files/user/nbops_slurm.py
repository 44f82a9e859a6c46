"""The program of a job of Slurm that is a person's server: it asks the hub for the server's environment and starts it.

python -I -m nbops_slurm SOCKET PATH

The job has no secret. It shows by MUNGE as which account it runs, and names its number.
"""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

# Seconds in which a hub that restarts is back, and in which the hub knows of a job that it has just submitted.
PATIENCE = 300
PATIENCE_IF_REFUSED = 20
PAUSE = 2
ANSWER_SECONDS = 30
OK, FORBIDDEN = 200, 403


class HubConnection(http.client.HTTPConnection):
    """A connection to the hub's socket."""

    def __init__(self, path: str) -> None:
        super().__init__("hub", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def proof(job: int) -> bytes:
    """A proof of who runs this, which root alone can read, and which counts once."""
    done = subprocess.run(
        ["munge", "--restrict-uid=0"],  # noqa: S607 (where the site has it)
        input=json.dumps({"job": job}).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout


def claim(hub: str, path: str, job: int) -> dict:
    """What the hub hands over for a job. Raises OSError where it does not, or stays away."""
    begun = time.monotonic()
    while True:
        status, text = 0, b""
        try:
            status, text = asked(hub, path, proof(job))
        except (OSError, http.client.HTTPException) as error:
            text = str(error).encode()
        if status == OK:
            return json.loads(text)
        if time.monotonic() - begun > (PATIENCE_IF_REFUSED if status == FORBIDDEN else PATIENCE):
            raise OSError(f"The hub hands nothing over to job {job}: {status} {text.decode(errors='replace')}")
        time.sleep(PAUSE)


def asked(hub: str, path: str, text: bytes) -> tuple[int, bytes]:
    """The status and the text of the hub's answer."""
    connection = HubConnection(hub)
    try:
        connection.request("POST", path, text)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def serve(command: list[str], environment: dict[str, str]) -> int:
    """Run the server until it ends; its status. Its runtime directory is on this machine, and gone afterwards."""
    of_slurm = {name: value for name, value in os.environ.items() if name.startswith(("SLURM", "CUDA_", "ROCR_"))}
    if root := environment.get("JUPYTERHUB_ROOT_DIR"):
        pathlib.Path(root.replace("~", environment["HOME"], 1)).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jupyter-", ignore_cleanup_errors=True) as runtime:
        own = {"JUPYTER_RUNTIME_DIR": runtime}
        with subprocess.Popen(command, env={**of_slurm, **environment, **own}) as server:  # noqa: S603 (no shell)
            try:
                return server.wait()
            except SystemExit:
                server.terminate()
                raise


def leave(_signal: int, _frame: object) -> None:
    """End with all that is to be done before."""
    sys.exit(128 + signal.SIGTERM)


def main() -> int:
    signal.signal(signal.SIGTERM, leave)
    hub, path = sys.argv[1:]
    answer = claim(hub, path, int(os.environ["SLURM_JOB_ID"]))
    return serve(answer["command"], answer["environment"])


if __name__ == "__main__":
    sys.exit(main())
