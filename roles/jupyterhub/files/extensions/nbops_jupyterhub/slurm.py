"""Servers as jobs of Slurm, on the hub's own host or on other nodes.

Nothing that a server needs is in the job: it asks for it when it runs, see claims.py. State, limits and end of a job
are Slurm's, see jobs.py. A server listens on a socket; where that is on another host, a tunnel leads there from a
socket of this one, so for hub and proxy all servers are alike, see tunnels.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import pwd
import shlex
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from jupyterhub import apihandlers, orm
from jupyterhub.spawner import Spawner
from jupyterhub.utils import url_path_join
from tornado.log import app_log
from tornado.web import HTTPError
from traitlets import Dict, Unicode

from nbops_jupyterhub import claims, jobs, names, nodes, tunnels, units
from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.limits import amount, limits_of
from nbops_jupyterhub.profiles import ProfilesMixin
from nbops_jupyterhub.programs import run
from nbops_jupyterhub.sockets import SocketMixin
from nbops_jupyterhub.spawner import AccountMixin

# Seconds between two looks at a job that starts or ends.
SHORT = 1
# Seconds between two looks at a job that has not claimed its server yet. The claim ends the wait at once.
UNCLAIMED = 2
# Seconds in which a machine of the cluster answers at a port.
KNOCK_SECONDS = 2
# Slurm ends what does not end by itself, after KillWait.
STOP_SECONDS = 180
MODULE = "nbops_slurm"
# A node runs a server from the release that the hub's own host has at the moment: an upgrade builds the next one there
# before the hub takes it, and a hub that goes back finds the former one. A node that does not have it, such as one of
# another Debian, takes its own.
_SCRIPT = """#!/bin/sh
release={release}
[ -e "$release/release.json" ] || release={current}
exec "$release/bin/python" {options}
"""


class SlurmSpawner(SocketMixin, AccountMixin, ProfilesMixin, Spawner):
    """Each server is a job with the hub's name, and listens on a socket as all servers of this collection do."""

    hub_name = Unicode("jupyterhub", help="What the names of the jobs begin with.").tag(config=True)
    partition = Unicode("", help="Partition of servers whose profile names none.").tag(config=True)
    time = Unicode("", help="Longest time of servers whose profile names none.").tag(config=True)
    limits = Dict(help="memory_max and cpu_quota of everybody.").tag(config=True)
    group_limits = Dict(help="The same by the hub's groups.").tag(config=True)
    user_limits = Dict(help="The same by user.").tag(config=True)
    nodes_address = Unicode("", help="Where other hosts reach the hub; empty where servers run on this one.").tag(
        config=True
    )
    ports = Unicode("20000-20999", help="Where servers on other hosts are reached.").tag(config=True)
    tunnel_prefix = Unicode(
        "jupyterhub-tunnel", help="What the names of the units begin with that lead to servers."
    ).tag(config=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.job = 0
        # Address and port of a server on another host, once it is known.
        self.far: tuple[str, int] | None = None
        # Where such a server has its sockets, on its host.
        self._place = ""
        self._since = 0.0
        # When the job was submitted, in seconds since 1970: a restart of the hub is no new start.
        self._submitted = 0.0
        self._claimed = asyncio.Event()
        self._resumes = False
        self._end = ""
        self._told = "Your server is submitted to Slurm."

    def get_state(self) -> dict[str, Any]:
        far = {"far": list(self.far)} if self.far else {}
        own = {"job": self.job, "submitted": self._submitted} if self.job else {}
        return {**super().get_state(), **own, **far}

    def load_state(self, state: dict[str, Any]) -> None:
        """After a restart of the hub, a job may still wait for its place, or be about to claim its server."""
        super().load_state(state)
        if state.get("job"):
            self._wait_for(state["job"])
            # A hub of an older release did not note it.
            self._submitted = state.get("submitted", self._submitted)
            self._resumes = True
            self.far = tuple(state["far"]) if "far" in state else None

    def clear_state(self) -> None:
        super().clear_state()
        self._forget()

    async def start(self) -> str:
        if self.nodes_address and not self.speaks_sockets():
            raise StartError("Servers on other machines need JupyterHub 6 or newer in both environments.")
        # Elsewhere, the socket here is root's.
        account = await self.account(*([] if self.nodes_address else [self.socket_directory, self.servers_group]))
        wish = self._wish()
        await self._fill_in()
        address = await self.address()
        self._point_to(address)
        self._told = "Your server is submitted to Slurm."
        command = jobs.submission(
            wish, (account.pw_uid, account.pw_gid), account.pw_dir, self._log_file(), self._job_name, self._key
        )
        status, answer = await run(command, self._script(), jobs.PATIENCE)
        if status != 0:
            raise HTTPError(400, f"Slurm says: {jobs.complaint(answer)}")
        self._wait_for(jobs.submitted(answer))
        self.log.info("The server of %s is job %s.", self.user.name, self.job)
        self._note()
        await self.wait_until_it_listens()
        claims.waiting.pop(self.job, None)
        return address

    async def poll(self) -> int | None:
        if self._resumes:
            self._resumes = False
            if not await self._resume():
                return 1
        # It may have been stopped meanwhile.
        if not self.job:
            return 0
        job = await self._found(SHORT if self.job in claims.waiting else jobs.INTERVAL)
        if job is not None and not job.has_ended:
            self._told = job.told()
            return None
        if not self._end:
            self._end = jobs.ENDED[job.state] if job else jobs.FORGOTTEN
            self.log.warning("Job %s, the server of %s, is gone: %s.", self.job, self.user.name, self._end)
            ends[self._key] = self._end
        return 0 if job and job.state == "COMPLETED" else 1

    async def stop(self, now: bool = False) -> None:
        """Cancel the job, and wait until Slurm says that it has ended. Raises StartError where it does not."""
        claims.waiting.pop(self.job, None)
        status, answer = await jobs.cancel(self.job)
        if status != 0:
            self.log.error("Job %s could not be cancelled: %s", self.job, answer.decode(errors="replace").strip())
        deadline = time.monotonic() + STOP_SECONDS
        while (job := await self._found(SHORT)) is not None and not job.has_ended:
            if time.monotonic() > deadline:
                raise StartError(f"Slurm does not end job {self.job}. Ask the administrator.")
            await asyncio.sleep(SHORT)

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """How the server before ended, and why the job waits, as often as that changes."""
        if why := ends.pop(self._key, ""):
            yield {"message": f"Your server before this one is gone: {why}."}
        last = ""
        while True:
            if self._told != last:
                last = self._told
                yield {"message": last}
            await asyncio.sleep(SHORT)

    async def wait_until_it_listens(self) -> None:
        """Of a server whose job waits or runs. Raises StartError where it ends before.

        Until the job claims its server nobody listens, and that may take as long as Slurm's queue. One that has claimed
        it from the hub before a restart does not claim it again.
        """
        while not self._claimed.is_set():
            if await self.is_listening():
                return
            if await self.poll() is not None:
                raise self.ended()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._claimed.wait(), UNCLAIMED)
        await super().wait_until_it_listens()

    def ended(self) -> StartError:
        return StartError(f"Your server ended before it was ready: {self._end}. Look at {self._log_file()}.")

    async def is_listening(self) -> bool:
        """Whether the server can be reached already; one on another host has its port open only then."""
        if not self.nodes_address:
            return await super().is_listening()
        if self.far is None:
            return False
        try:
            _reader, writer = await asyncio.wait_for(asyncio.open_connection(*self.far), KNOCK_SECONDS)
        except (OSError, asyncio.TimeoutError):
            return False
        writer.close()
        return True

    @property
    def socket_directory(self) -> str:
        """Of a server on another host, a directory of root's. No key has an @ in it."""
        return f"{super().socket_directory}@" if self.nodes_address else super().socket_directory

    def sockets_of_server(self) -> tuple[str, str]:
        return (f"{self._place}/server.sock", f"{self._place}/hub.sock") if self._place else super().sockets_of_server()

    async def run_post_stop_hook(self) -> None:
        try:
            await self._fill_in()
        finally:
            await super().run_post_stop_hook()

    def get_env(self) -> dict[str, str]:
        account = pwd.getpwnam(self.user.name)
        environment = super().get_env()
        # The job makes one where it runs.
        del environment["JUPYTER_RUNTIME_DIR"]
        own = {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name, "SHELL": account.pw_shell}
        return {**environment, **own}

    async def handed_over(self, said: dict[str, Any]) -> dict[str, Any]:
        """What the job gets that claims this server, for what it says of itself. Raises ValueError."""
        visitor = {"visitor": await self._dig(said)} if self.nodes_address else {}
        if not self.api_token:
            self._make_token()
        self._claimed.set()
        return {"command": [*self.cmd, *self.get_args()], "environment": self.get_env(), **visitor}

    async def _dig(self, said: dict[str, Any]) -> str:
        """Lead to a server on another host; the certificate that the server knows the hub by. Raises ValueError."""
        port, place, peer = said.get("port"), said.get("directory"), said.get("certificate")
        first, last = map(int, self.ports.split("-"))
        if not (isinstance(port, int) and first <= port <= last and isinstance(place, str) and isinstance(peer, str)):
            raise ValueError(f"job {self.job} does not say how it is reached")
        node = job.node if (job := await self._found(SHORT)) else ""
        if not node:
            raise ValueError(f"Slurm does not say yet where job {self.job} runs")
        if said.get("account") != self.user.name:
            await self._refuse(node, str(said.get("account")))
            raise ValueError(self._end)
        address = await jobs.address_of(node)
        if claims.waiting.get(self.job) is not self:
            raise ValueError(f"nobody waits for job {self.job} any more")
        # An answer may have got lost: the job asks again, and has another certificate.
        await self._fill_in()
        certificate = tunnels.prepare(self._keys, peer)
        self.far, self._place = (address, port), place
        await self._lead()
        self._note()
        return certificate

    async def _refuse(self, node: str, account: str) -> None:
        """End a job on a node where it would be somebody else's."""
        uid = pwd.getpwnam(self.user.name).pw_uid
        self._end = f"on {node}, the number {uid} is the account {account}, so your files would be another person's"
        self.log.error("The server of %s is ended: %s.", self.user.name, self._end)
        await jobs.cancel(self.job)

    async def _lead(self) -> None:
        """Open the socket that leads to a server on another host."""
        await tunnels.hold(self._tunnel, self.socket, self.servers_group, self._keys, self.far)

    async def _fill_in(self) -> None:
        """Let nothing lead to a server that has ended."""
        if not self.nodes_address:
            return
        await units.let_go(self._tunnel)
        tunnels.discard(self._keys)

    def _note(self) -> None:
        """Not only at the end of the start: a hub that restarts until then finds the job again."""
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()

    @property
    def _tunnel(self) -> str:
        return names.unit(self.tunnel_prefix, self.user.name, self.name)

    @property
    def _keys(self) -> pathlib.Path:
        return pathlib.Path(os.environ["STATE_DIRECTORY"], "tunnels", self._key)

    @property
    def _key(self) -> str:
        return names.directory(self.user.name, self.name)

    @property
    def _job_name(self) -> str:
        return jobs.job_name(self.hub_name)

    def _wish(self) -> jobs.Wish:
        profile = self.profile()
        groups = [group.name for group in self.user.groups]
        limits = limits_of(self.user.name, groups, self.limits, self.group_limits, self.user_limits)
        limits |= {name: amount(value) for name, value in profile.get("limits", {}).items()}
        processors = limits.get("cpu_quota", 100) // 100
        # The server says these to the person.
        self.mem_limit, self.cpu_limit = limits.get("memory_max"), float(processors)
        return jobs.Wish(
            node="" if self.nodes_address else jobs.host(),
            partition=profile.get("partition") or self.partition,
            time=profile.get("time") or self.time,
            gres=profile.get("gres", ""),
            processors=processors,
            memory=limits.get("memory_max", 0),
        )

    def _script(self) -> bytes:
        current = pathlib.Path(self.cmd[0]).parents[1]
        place = url_path_join(self.hub.base_url, claims.PATH)
        far = [nodes.certificate(), self.ports] if self.nodes_address else []
        options = shlex.join(["-I", "-m", MODULE, self.nodes_address or self.hub_socket, place, *far])
        release = current.parent / os.readlink(current) if self.nodes_address and current.is_symlink() else current
        paths = {"release": shlex.quote(str(release)), "current": shlex.quote(str(current))}
        return _SCRIPT.format(**paths, options=options).encode()

    def _log_file(self) -> str:
        key = f"-{names.directory(self.name)}" if self.name else ""
        return f"{pwd.getpwnam(self.user.name).pw_dir}/.jupyterhub-server{key}.log"

    def _point_to(self, address: str) -> None:
        """Store where the server will be, which JupyterHub does at the end of a start alone."""
        url = urlsplit(address)
        server = self.server
        server.proto, server.ip, server.port = url.scheme, url.hostname, url.port or 80

    def _wait_for(self, number: int) -> None:
        self.job, self._since, self._end = number, time.monotonic(), ""
        self._submitted, self._claimed = time.time(), asyncio.Event()
        claims.waiting[number] = self
        known.add(number)

    def _forget(self) -> None:
        claims.waiting.pop(self.job, None)
        known.discard(self.job)
        self.job, self.far, self._place = 0, None, ""

    async def _found(self, age: float) -> jobs.Job | None:
        return await queue(self._job_name).find(self.job, self.user.name, self._since, age)

    async def _resume(self) -> bool:
        """Wait, after a restart of the hub, for a server that is not ready, or that Slurm has suspended.

        JupyterHub would cancel it for not answering. False where the time of the start is over, which JupyterHub counts
        only in the hub that began it.
        """
        left = self._submitted + self.start_timeout - time.time()
        try:
            # This host was restarted, and the server is on another one.
            if self.far and not units.is_held(self._tunnel):
                await self._lead()
            # Who had a place while the hub was away gets the time of any server that is there.
            await asyncio.wait_for(self.wait_until_it_listens(), max(left, self.http_timeout))
        except StartError as error:
            self.log.warning("The server of %s is not there any more: %s", self.user.name, error)
            return True
        except asyncio.TimeoutError:
            ends[self._key] = f"it was not ready within {self.start_timeout} seconds"
            self.log.warning("Job %s, the server of %s, is given up: %s.", self.job, self.user.name, ends[self._key])
            return False
        claims.waiting.pop(self.job, None)
        while (job := await self._found(SHORT)) is not None and not job.has_ended and not job.runs:
            await asyncio.sleep(SHORT)
        return True

    def _make_token(self) -> None:
        """A new token for a job that started with a hub before this one: of the old token there is but a hash."""
        database = self.user.db
        note = f"Server at {self.server.base_url}"
        former = database.query(orm.APIToken).filter_by(user=self.user.orm_user, note=note)
        newest = former.order_by(orm.APIToken.id.desc()).first()
        self.api_token = self.user.new_api_token(note=note, scopes=newest.scopes)
        self.orm_spawner.oauth_client.secret = orm.hash_token(self.api_token)
        database.commit()


# The jobs of all servers of this hub.
known: set[int] = set()
# Why servers ended that nobody stopped, until their people start the next.
ends: dict[str, str] = {}
_queues: dict[str, jobs.Queue] = {}
_tasks: set[asyncio.Task] = set()


def queue(name: str) -> jobs.Queue:
    """The one queue of all spawners."""
    return _queues.setdefault(name, jobs.Queue(name, app_log))


async def cancel_orphans(name: str) -> None:
    """For as long as the hub runs."""
    while True:
        await asyncio.sleep(jobs.GRACE / 2)
        await queue(name).look()
        await queue(name).cancel_orphans(known)


def turn_on(hub: str) -> None:
    """Let the hub answer claims, and cancel jobs that no server has. The loop of the hub runs already."""
    # JupyterHub's own option for this warns at each start.
    apihandlers.default_handlers.append((claims.PATH, claims.ClaimHandler))
    # A task that nobody holds may end at any time.
    _tasks.add(asyncio.get_running_loop().create_task(cancel_orphans(jobs.job_name(hub))))
