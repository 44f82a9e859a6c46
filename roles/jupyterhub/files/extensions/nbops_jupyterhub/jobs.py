"""Servers as jobs of Slurm: how one is submitted, what Slurm says of all of them, and how one ends."""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import re
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from nbops_jupyterhub.programs import run

# Seconds in which a program of Slurm answers; without a controller it gives up after about ten.
PATIENCE = 30
# Seconds for which an answer of Slurm counts. One question is for all jobs of the hub.
INTERVAL = 5
# Seconds after which a job that no server of the hub has is cancelled.
GRACE = 60
# Number, state, person, estimated or real start, node, and why the job waits. The last may be any text.
FORMAT = "%i|%T|%u|%S|%N|%r"
FIELDS = 6
# Every other state is one in which a job is there, also one that a later Slurm invents.
ENDED = {
    "BOOT_FAIL": "its machine did not start",
    "CANCELLED": "it was cancelled",
    "COMPLETED": "it ended by itself",
    "DEADLINE": "its time was over",
    "FAILED": "it failed",
    "NODE_FAIL": "its machine failed",
    "OUT_OF_MEMORY": "it needed more memory than it may have",
    "PREEMPTED": "a job that goes first needed its place",
    "TIMEOUT": "its time was over",
}
FORGOTTEN = "Slurm does not know its job any more"


@dataclass(frozen=True)
class Job:
    """What Slurm says of a job. `state` is one of Slurm's words, or empty where Slurm could not be asked."""

    number: int
    state: str = ""
    person: str = ""
    start: str = ""
    node: str = ""
    reason: str = ""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def runs(self) -> bool:
        return self.state == "RUNNING"

    def told(self) -> str:
        """What a person reads who waits for it."""
        if self.state == "PENDING":
            estimate = f" Slurm expects a place at {self.start}." if self.start not in ("", "N/A") else ""
            return f"Job {self.number} waits for a place: {self.reason}.{estimate}"
        if self.runs:
            return f"Job {self.number} has a place, and your server starts there."
        return f"Job {self.number}: {self.state or 'Slurm is not there at the moment'}."


@dataclass(frozen=True)
class Wish:
    """What a server needs of Slurm. `memory` is in bytes, 0 for what the partition gives, as is an empty text."""

    partition: str = ""
    time: str = ""
    gres: str = ""
    processors: int = 1
    memory: int = 0
    node: str = ""


@functools.cache
def host() -> str:
    """The name of this host, by which Slurm knows it as a node, and by which the hub knows its jobs while it runs."""
    return socket.gethostname().partition(".")[0]


def job_name(hub: str) -> str:
    """The name of all jobs of a hub. Hubs of several hosts may have one Slurm, and each looks after its own."""
    return f"{hub}@{host()}"


def submission(wish: Wish, ids: tuple[int, int], home: str, output: str, name: str, comment: str) -> list[str]:
    """The command that submits a server for an account; it reads the script, and prints the number of the job.

    `ids` are the uid and the gid. The job gets no variable of the hub's environment.
    """
    return [
        *("sbatch", "--parsable", f"--uid={ids[0]}", f"--gid={ids[1]}", "--export=NIL", "--no-requeue"),
        *(f"--job-name={name}", f"--comment={comment}", f"--chdir={home}"),
        *("--input=/dev/null", f"--output={output.replace('%', '%%')}", "--open-mode=truncate"),
        *("--nodes=1", "--ntasks=1", f"--cpus-per-task={wish.processors}"),
        *([f"--nodelist={wish.node}"] if wish.node else []),
        *([f"--mem={wish.memory // 2**20}M"] if wish.memory else []),
        *([f"--partition={wish.partition}"] if wish.partition else []),
        *([f"--time={wish.time}"] if wish.time else []),
        *([f"--gres={wish.gres}"] if wish.gres else []),
    ]


def submitted(answer: bytes) -> int:
    """The number of the job that sbatch has submitted. Raises ValueError."""
    return int(answer.split(b";")[0])


def complaint(answer: bytes) -> str:
    """What sbatch has said, in one line without its own name."""
    lines = answer.decode(errors="replace").splitlines()
    said = [line.removeprefix("sbatch: error: ").removeprefix("Batch job submission failed: ") for line in lines]
    return "; ".join(filter(None, said)) or "nothing"


def parsed(answer: bytes) -> dict[int, Job]:
    """The jobs of an answer in FORMAT, by number. Raises ValueError for anything else."""
    jobs = {}
    for line in answer.decode(errors="replace").splitlines():
        number, *said = line.split("|", FIELDS - 1)
        if len(said) != FIELDS - 1:
            raise ValueError(f"no line about a job: {line}")
        jobs[int(number)] = Job(int(number), *said)
    return jobs


class Queue:
    """All jobs of one hub. Whoever asks while an answer is on its way, or shortly after it, gets the same one."""

    def __init__(self, name: str, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._log, self._clock = name, log, clock
        self._lock = asyncio.Lock()
        self._jobs: Mapping[int, Job] = {}
        # When the question of the last answer was put, and when the last question was.
        self._answered, self._asked = -math.inf, -math.inf
        self._is_away = False
        self._unknown: dict[int, float] = {}

    async def find(self, number: int, person: str, since: float, age: float = INTERVAL) -> Job | None:
        """A job of a person that was submitted at a time of the clock; None where Slurm has answered without it.

        The answer is at most `age` seconds old. While Slurm does not answer, the job is in no state.
        """
        await self.look(age)
        if self._answered <= since:
            return Job(number)
        job = self._jobs.get(number)
        # A Slurm that was set up anew counts from one again.
        if job is None or job.person != person:
            return None
        return Job(number) if self._is_away and not job.has_ended else job

    async def look(self, age: float = INTERVAL) -> None:
        """Ask Slurm, unless its last answer is younger than `age` seconds."""
        async with self._lock:
            if self._clock() - self._asked < age:
                return
            begun = self._clock()
            question = ["squeue", "--noheader", "--states=all", f"--name={self._name}", f"--format={FORMAT}"]
            try:
                status, answer = await run(question, seconds=PATIENCE)
                if status != 0:
                    raise ValueError(answer.decode(errors="replace").strip())
                self._jobs = parsed(answer)
            except (OSError, ValueError) as error:
                if not self._is_away:
                    self._log.warning("Slurm does not say which jobs there are, and all count as there: %s", error)
                self._is_away = True
            else:
                if self._is_away:
                    self._log.info("Slurm says again which jobs there are.")
                self._answered, self._is_away = begun, False
            finally:
                # From its end: a question without an answer takes longer than an answer counts.
                self._asked = self._clock()

    async def cancel_orphans(self, known: Collection[int]) -> None:
        """Cancel the jobs that are not `known`, such as of a start that was cut off, once they have been so for a time.

        Ask first: this is about the last answer.
        """
        if self._is_away:
            return
        unknown = {number for number, job in self._jobs.items() if not job.has_ended} - set(known)
        self._unknown = {number: self._unknown.get(number, self._clock()) for number in unknown}
        due = [number for number, since in self._unknown.items() if self._clock() - since >= GRACE]
        for number in due:
            self._log.warning("Job %s belongs to no server of this hub, and is cancelled.", number)
            await cancel(number)


async def address_of(node: str) -> str:
    """Where Slurm reaches a node. Raises ValueError where it does not say."""
    status, answer = await run(["scontrol", "--oneliner", "show", "node", node], seconds=PATIENCE)
    found = re.search(r"\bNodeAddr=(\S+)", answer.decode(errors="replace"))
    if status != 0 or found is None:
        raise ValueError(f"Slurm does not say the address of {node}")
    return found[1]


async def cancel(number: int) -> tuple[int, bytes]:
    """End a job; the status and what scancel says."""
    return await run(["scancel", str(number)], seconds=PATIENCE)
