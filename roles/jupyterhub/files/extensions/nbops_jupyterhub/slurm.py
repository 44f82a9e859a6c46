"""Servers as jobs of a Slurm that is there already. Its node is the hub's own host.

Nothing that a server needs is in the job: it asks for it when it runs, see claims.py. State, limits and end of a job
are Slurm's, see jobs.py.
"""

from __future__ import annotations

import asyncio
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

from nbops_jupyterhub import claims, jobs, names
from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.limits import amount, limits_of
from nbops_jupyterhub.profiles import ProfilesMixin
from nbops_jupyterhub.programs import run
from nbops_jupyterhub.sockets import SocketMixin
from nbops_jupyterhub.spawner import AccountMixin

# Seconds between two looks at a job that starts or ends.
SHORT = 1
# Slurm ends what does not end by itself, after KillWait.
STOP_SECONDS = 180
MODULE = "nbops_slurm"


class SlurmSpawner(SocketMixin, AccountMixin, ProfilesMixin, Spawner):
    """Each server is a job with the hub's name, and listens on a socket as all servers of this collection do."""

    hub_name = Unicode("jupyterhub", help="What the names of the jobs begin with.").tag(config=True)
    partition = Unicode("", help="Partition of servers whose profile names none.").tag(config=True)
    time = Unicode("", help="Longest time of servers whose profile names none.").tag(config=True)
    limits = Dict(help="memory_max and cpu_quota of everybody.").tag(config=True)
    group_limits = Dict(help="The same by the hub's groups.").tag(config=True)
    user_limits = Dict(help="The same by user.").tag(config=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.job = 0
        self._since = 0.0
        self._resumes = False
        self._end = ""
        self._told = "Your server is submitted to Slurm."

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), **({"job": self.job} if self.job else {})}

    def load_state(self, state: dict[str, Any]) -> None:
        """After a restart of the hub, a job may still wait for its place, or be about to claim its server."""
        super().load_state(state)
        if state.get("job"):
            self._wait_for(state["job"])
            self._resumes = True

    def clear_state(self) -> None:
        super().clear_state()
        self._forget()

    async def start(self) -> str:
        account = await self.account(self.socket_directory, self.servers_group)
        wish = self._wish()
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
        # Not only at the end of the start: a hub that restarts until then finds the job again.
        self.orm_spawner.state = self.get_state()
        self.user.db.commit()
        await self.wait_until_it_listens()
        claims.waiting.pop(self.job, None)
        return address

    async def poll(self) -> int | None:
        if self._resumes:
            self._resumes = False
            await self._resume()
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

    def ended(self) -> StartError:
        return StartError(f"Your server ended before it was ready: {self._end}. Look at {self._log_file()}.")

    def get_env(self) -> dict[str, str]:
        account = pwd.getpwnam(self.user.name)
        environment = super().get_env()
        # The job makes one where it runs.
        del environment["JUPYTER_RUNTIME_DIR"]
        own = {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name, "SHELL": account.pw_shell}
        return {**environment, **own}

    def handed_over(self) -> dict[str, Any]:
        """What the job gets that claims this server."""
        if not self.api_token:
            self._make_token()
        return {"command": [*self.cmd, *self.get_args()], "environment": self.get_env()}

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
            partition=profile.get("partition") or self.partition,
            time=profile.get("time") or self.time,
            gres=profile.get("gres", ""),
            processors=processors,
            memory=limits.get("memory_max", 0),
        )

    def _script(self) -> bytes:
        python = pathlib.Path(self.cmd[0]).with_name("python")
        place = url_path_join(self.hub.base_url, claims.PATH)
        command = [str(python), "-I", "-m", MODULE, self.hub_socket, place]
        return f"#!/bin/sh\nexec {shlex.join(command)}\n".encode()

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
        claims.waiting[number] = self
        known.add(number)

    def _forget(self) -> None:
        claims.waiting.pop(self.job, None)
        known.discard(self.job)
        self.job = 0

    async def _found(self, age: float) -> jobs.Job | None:
        return await queue(self._job_name).find(self.job, self.user.name, self._since, age)

    async def _resume(self) -> None:
        """Wait, after a restart of the hub, for a server that is not ready, or that Slurm has suspended.

        JupyterHub would cancel it for not answering.
        """
        try:
            await self.wait_until_it_listens()
        except StartError:
            return
        claims.waiting.pop(self.job, None)
        while (job := await self._found(SHORT)) is not None and not job.has_ended and not job.runs:
            await asyncio.sleep(SHORT)

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
