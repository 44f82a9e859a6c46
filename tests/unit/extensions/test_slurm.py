"""A person's server as a job of Slurm: its start, its end, and what the hub keeps of it."""

from __future__ import annotations

import asyncio
import importlib
import os
import pathlib
import subprocess
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import nbops_tunnel
import pytest
from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.jobs import Job
from tornado.web import HTTPError

NOW = 1_000_000.0
ACCOUNT = SimpleNamespace(pw_name="ada", pw_uid=1000, pw_gid=1001, pw_dir="/home/ada", pw_shell="/bin/sh")


class Queue:
    """Says of each job what it was told to."""

    def __init__(self) -> None:
        self.job: Job | None = Job(7, "RUNNING", "ada")

    async def find(self, number: int, person: str, since: float, age: float = 0) -> Job | None:
        return self.job


@pytest.fixture
def module(hub: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The spawner on a host with ada's account, and a Slurm that calls each job 7."""
    found = importlib.import_module("nbops_jupyterhub.slurm")
    slurm, ran = Queue(), []
    found.answer = 0, b"7\n"

    async def run(command: list[str], text: bytes | None = None, seconds: float | None = None) -> tuple[int, bytes]:
        ran.append((command, text))
        return found.answer

    async def cancel(number: int) -> tuple[int, bytes]:
        ran.append((["scancel", str(number)], None))
        slurm.job = Job(7, "CANCELLED", "ada")
        return 0, b""

    monkeypatch.setattr(found, "run", run)
    monkeypatch.setattr(found.jobs, "cancel", cancel)
    monkeypatch.setattr(found, "queue", lambda name: slurm)
    monkeypatch.setattr(found, "pwd", SimpleNamespace(getpwnam=lambda name: ACCOUNT))
    monkeypatch.setattr(found, "SHORT", 0)
    monkeypatch.setattr(found, "UNCLAIMED", 0.01)
    monkeypatch.setattr(found, "time", SimpleNamespace(time=lambda: NOW, monotonic=time.monotonic))
    found.slurm, found.ran = slurm, ran
    yield found
    found.claims.waiting.clear()


@pytest.fixture
def spawner(module: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """ada's spawner; her server listens as soon as it is asked after."""

    class SlurmSpawner(module.SlurmSpawner):
        server = SimpleNamespace(proto="http", ip="", port=0, base_url="/user/ada/")
        orm_spawner = SimpleNamespace(state={})

        async def account(self, *_arguments: object) -> Any:
            return ACCOUNT

        async def address(self) -> str:
            return "http+unix://%2Frun%2Fsocket"

        start_timeout, http_timeout = 600, 30
        listens, waited = True, None

        async def is_listening(self) -> bool:
            self.waited = dict(module.claims.waiting)
            if await self.poll() is not None:
                raise self.ended()
            return self.listens

        def clear_state(self) -> None:
            self._forget()

    made = SlurmSpawner()
    made.user = SimpleNamespace(name="ada", groups=[], db=SimpleNamespace(commit=lambda: None))
    made.name, made.cmd = "", ["/opt/jupyterhub/user/current/bin/jupyterhub-singleuser"]
    made.hub = SimpleNamespace(base_url="/hub/")
    made.partition = "main"
    return made


def test_a_start_submits_a_job_and_waits_for_its_claim(module: Any, spawner: Any) -> None:
    spawner.limits = {"memory_max": "1G", "cpu_quota": "200%"}
    assert asyncio.run(spawner.start()) == "http+unix://%2Frun%2Fsocket"
    command, script = module.ran[0]
    assert {"--uid=1000", "--gid=1001", "--mem=1024M", "--cpus-per-task=2", "--partition=main"} < set(command)
    assert script.splitlines()[0] == b"#!/bin/sh"
    assert script.splitlines()[1] == b"release=/opt/jupyterhub/user/current"
    assert script.splitlines()[-1] == b"exec \"$release/bin/python\" -I -m nbops_slurm '' /hub/api/nbops/claim"
    assert spawner.waited == {7: spawner}
    assert module.claims.waiting == {}
    # A hub that restarts finds all of it.
    assert spawner.orm_spawner.state == {"job": 7, "submitted": NOW}
    assert (spawner.server.proto, spawner.server.port) == ("http+unix", 80)


def test_a_profile_says_what_a_job_gets(module: Any, spawner: Any) -> None:
    spawner.profiles = [{"name": "gpu", "partition": "gpu", "time": "4:00:00", "gres": "gpu:1"}]
    asyncio.run(spawner.start())
    assert {"--partition=gpu", "--time=4:00:00", "--gres=gpu:1"} < set(module.ran[0][0])


def test_what_slurm_refuses_is_told_to_the_person(module: Any, spawner: Any) -> None:
    module.answer = 1, b"sbatch: error: Batch job submission failed: Invalid account\n"
    with pytest.raises(HTTPError) as refusal:
        asyncio.run(spawner.start())
    assert (refusal.value.status_code, refusal.value.log_message) == (400, "Slurm says: Invalid account")
    assert asyncio.run(spawner.poll()) == 0


def test_a_job_that_ends_in_a_start_is_told_with_its_reason(module: Any, spawner: Any) -> None:
    module.slurm.job = Job(7, "OUT_OF_MEMORY", "ada")
    with pytest.raises(StartError, match=r"it needed more memory than it may have\. Look at /home/ada/"):
        asyncio.run(spawner.start())


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (Job(7, "RUNNING"), None),
        (Job(7, "SUSPENDED"), None),
        (Job(7), None),
        (Job(7, "COMPLETED"), 0),
        (Job(7, "TIMEOUT"), 1),
        (None, 1),
    ],
)
def test_a_server_is_there_until_slurm_says_otherwise(
    module: Any, spawner: Any, job: Job | None, status: int | None
) -> None:
    asyncio.run(spawner.start())
    module.slurm.job = job
    assert asyncio.run(spawner.poll()) == status


def test_the_next_start_says_how_the_server_before_ended(module: Any, spawner: Any) -> None:
    async def first() -> str:
        return (await spawner.progress().__anext__())["message"]

    asyncio.run(spawner.start())
    module.slurm.job = Job(7, "TIMEOUT", "ada")
    asyncio.run(spawner.poll())
    assert asyncio.run(first()) == "Your server before this one is gone: its time was over."
    assert "before" not in asyncio.run(first())


def test_a_stop_waits_until_the_job_has_ended(module: Any, spawner: Any) -> None:
    asyncio.run(spawner.start())
    asyncio.run(spawner.stop())
    assert module.ran[-1] == (["scancel", "7"], None)
    spawner.clear_state()
    assert spawner.get_state() == {}
    assert module.known == set()


def test_a_hub_that_restarts_waits_again_for_a_job_that_waits(module: Any, spawner: Any) -> None:
    spawner.load_state({"job": 7})
    assert module.claims.waiting == {7: spawner}
    assert module.known == {7}
    assert asyncio.run(spawner.poll()) is None
    # Its server has been ready since.
    assert module.claims.waiting == {}


@pytest.mark.parametrize("state", [{"submitted": NOW - 601}, {"submitted": NOW - 599.98}, {}])
def test_a_start_that_goes_on_after_a_restart_of_the_hub_has_its_time_and_no_more(
    module: Any, spawner: Any, state: dict
) -> None:
    """JupyterHub limits a start in the hub that began it. A hub of an older release did not note when that was."""
    spawner.listens, spawner.http_timeout = False, 0.01
    if not state:
        spawner.start_timeout = 0.02
    module.slurm.job = Job(7, "PENDING", "ada")
    spawner.load_state({"job": 7, **state})
    assert asyncio.run(spawner.poll()) == 1
    assert module.ends == {"ada": f"it was not ready within {spawner.start_timeout} seconds"}
    # JupyterHub asks again, and ends what it takes for ended.
    assert asyncio.run(spawner.poll()) is None
    asyncio.run(spawner.stop())
    assert module.ran == [(["scancel", "7"], None)]


def test_a_server_that_had_its_place_while_the_hub_was_away_is_kept(module: Any, spawner: Any) -> None:
    spawner.load_state({"job": 7, "submitted": NOW - 3600})
    assert asyncio.run(spawner.poll()) is None
    assert module.ran == []


def test_a_claim_ends_the_wait_at_once(module: Any, spawner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the hub would look again after a time that no test waits for."""

    async def started() -> None:
        start = asyncio.ensure_future(spawner.start())
        # The first look finds nobody.
        while spawner.waited is None:
            await asyncio.sleep(0)
        assert spawner.waited == {7: spawner}
        spawner.listens = True
        await spawner.handed_over({"job": 7})
        await asyncio.wait_for(start, 10)

    monkeypatch.setattr(module, "UNCLAIMED", 3600)
    monkeypatch.setattr(type(spawner), "get_env", lambda self: {})
    spawner.listens, spawner.api_token = False, "secret"
    asyncio.run(started())


PEER = nbops_tunnel.make_certificate()[1]
SAID = {"job": 7, "account": "ada", "port": 20007, "directory": "/node/jupyter-7", "certificate": PEER}


@pytest.fixture
def far(module: Any, spawner: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """ada's spawner where servers run on other hosts; her job runs on node1, and systemd does what it is told."""

    async def address_of(node: str) -> str:
        return {"node1": "10.0.0.11"}[node]

    async def run(command: list[str]) -> tuple[int, bytes]:
        module.ran.append((command, None))
        return 0, b""

    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(module.jobs, "address_of", address_of)
    monkeypatch.setattr(module.tunnels, "run", run)
    monkeypatch.setattr(module.units, "UNITS", tmp_path)
    monkeypatch.setattr(type(spawner), "speaks_sockets", lambda self: True)
    monkeypatch.setattr(type(spawner), "get_env", lambda self: {"HUB": self.sockets_of_server()[1]})
    module.slurm.job = Job(7, "RUNNING", "ada", node="node1")
    spawner.nodes_address, spawner.api_token = "10.0.0.10:8082", "secret"
    spawner._wait_for(7)
    return spawner


def test_a_job_elsewhere_is_told_where_the_hub_is_and_by_what_it_knows_it(module: Any, far: Any) -> None:
    asyncio.run(far.start())
    command, script = module.ran[0]
    assert not [option for option in command if option.startswith("--nodelist")]
    words = script.split()
    assert words[-4:-2] == [b"10.0.0.10:8082", b"/hub/api/nbops/claim"]
    assert words[-2].decode() == module.nodes.certificate()
    assert words[-1] == b"20000-20999"


@pytest.fixture
def releases(far: Any, tmp_path: pathlib.Path) -> pathlib.Path:
    """What the hub's host, and a node at the same path, have for servers: `new` is current."""
    releases = tmp_path / "releases"
    for name in ("old", "new"):
        python = releases / name / "bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\necho {name} $2 $3\n")
        python.chmod(0o755)
        (releases / name / "release.json").touch()
    (tmp_path / "current").symlink_to("releases/new")
    far.cmd = [f"{tmp_path}/current/bin/jupyterhub-singleuser"]
    return releases


def started(module: Any, far: Any, on_node: Callable[[], None]) -> str:
    """The release from which a server runs whose node is changed after its job was submitted."""
    asyncio.run(far.start())
    on_node()
    _command, script = module.ran[0]
    return subprocess.run(["/bin/sh"], input=script, stdout=subprocess.PIPE, check=True).stdout.decode()


def test_a_node_runs_the_release_of_the_hub_whatever_is_current_there(
    module: Any, far: Any, releases: pathlib.Path
) -> None:
    """Such as while an upgrade has brought the node the next one, and after it took the hub back."""

    def switch() -> None:
        (releases.parent / "current").unlink()
        (releases.parent / "current").symlink_to("releases/old")

    assert started(module, far, switch) == "new -m nbops_slurm\n"


def test_a_node_without_that_release_runs_its_own(module: Any, far: Any, releases: pathlib.Path) -> None:
    """Such as one of another Debian, or one whose build was cut off."""

    def lose() -> None:
        (releases / "new/release.json").unlink()
        (releases.parent / "current").unlink()
        (releases.parent / "current").symlink_to("releases/old")

    assert started(module, far, lose) == "old -m nbops_slurm\n"


def test_a_server_elsewhere_is_led_to_where_slurm_says_that_it_runs(module: Any, far: Any) -> None:
    handed = asyncio.run(far.handed_over(SAID))
    assert handed["environment"] == {"HUB": "/node/jupyter-7/hub.sock"}
    assert "--ServerApp.sock=/node/jupyter-7/server.sock" in handed["command"]
    keys = pathlib.Path(os.environ["STATE_DIRECTORY"], "tunnels/ada")
    assert (keys / "peer").read_text() == PEER
    # The server is told the certificate, and nobody the key.
    assert (keys / "pair").read_text().endswith(handed["visitor"])
    assert "PRIVATE" not in str(handed)
    assert keys.stat().st_mode & 0o777 == 0o700
    command, _text = module.ran[-1]
    assert command[-2:] == ["10.0.0.11", "20007"]
    assert "--unit=jupyterhub-tunnel-ada.service" in command
    assert "--socket-property=ListenStream=/run/jupyterhub-sockets/ada@/server.sock" in command
    # A hub that restarts finds it.
    assert far.orm_spawner.state == {"job": 7, "submitted": NOW, "far": ["10.0.0.11", 20007]}
    asyncio.run(far.run_post_stop_hook())
    assert not keys.exists()


@pytest.mark.parametrize(
    "wrong",
    [{"port": 22}, {"port": "20007"}, {"port": None}, {"directory": None}, {"certificate": None}, {"certificate": ""}],
)
def test_a_job_that_does_not_say_how_it_is_reached_gets_nothing(module: Any, far: Any, wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"does not say how|no certificate"):
        asyncio.run(far.handed_over({**SAID, **wrong}))
    assert module.ran == []


def test_a_job_whose_node_slurm_does_not_say_yet_asks_again(module: Any, far: Any) -> None:
    module.slurm.job = Job(7)
    with pytest.raises(ValueError, match="does not say yet where job 7 runs"):
        asyncio.run(far.handed_over(SAID))


def test_a_job_whose_server_is_stopped_meanwhile_gets_nothing(module: Any, far: Any) -> None:
    module.claims.waiting.clear()
    with pytest.raises(ValueError, match="nobody waits for job 7 any more"):
        asyncio.run(far.handed_over(SAID))
    assert module.ran == []


def test_a_hub_whose_host_was_restarted_leads_to_a_server_again(module: Any, far: Any) -> None:
    far.load_state({"job": 7, "far": ["10.0.0.11", 20007]})
    assert asyncio.run(far.poll()) is None
    assert module.ran[-1][0][-2:] == ["10.0.0.11", "20007"]


def test_a_node_where_the_number_is_another_person_is_told_and_gets_nothing(module: Any, far: Any) -> None:
    with pytest.raises(ValueError, match="on node1, the number 1000 is the account carol"):
        asyncio.run(far.handed_over({**SAID, "account": "carol"}))
    assert module.ran == [(["scancel", "7"], None)]
    assert "on node1, the number 1000 is the account carol" in str(far.ended())
