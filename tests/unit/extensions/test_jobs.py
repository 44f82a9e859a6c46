"""What Slurm says of servers, and what the hub takes from it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from nbops_jupyterhub import jobs
from nbops_jupyterhub.jobs import Job, Queue, Wish

LOG = logging.getLogger("test")


class Slurm:
    """Answers squeue as it is told to, and keeps what was asked; its clock stands still until it is set."""

    def __init__(self) -> None:
        self.answer = (0, b"")
        self.error: OSError | None = None
        self.asked: list[list[str]] = []
        self.now = 100.0
        self.queue = Queue("jupyterhub@node", LOG, lambda: self.now)

    async def run(self, command: list[str], text: bytes | None = None, seconds: float | None = None) -> Any:
        self.asked.append(command)
        if self.error:
            raise self.error
        return self.answer if command[0] == "squeue" else (0, b"")

    def says(self, *lines: str) -> None:
        self.answer = 0, "".join(f"{line}\n" for line in lines).encode()

    def find(self, since: float = 0) -> Job | None:
        return asyncio.run(self.queue.find(7, "ada", since))


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Slurm:
    made = Slurm()
    monkeypatch.setattr(jobs, "run", made.run)
    return made


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUSPENDED", "REQUEUED", "COMPLETING", "OF_A_LATER_SLURM"])
def test_a_job_is_there_in_every_state_that_is_no_end(slurm: Slurm, state: str) -> None:
    slurm.says(f"7|{state}|ada|N/A||None")
    found = slurm.find()
    assert found is not None
    assert (found.state, found.has_ended) == (state, False)


@pytest.mark.parametrize("state", ["CANCELLED", "OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL", "FAILED", "COMPLETED"])
def test_an_end_is_told(slurm: Slurm, state: str) -> None:
    slurm.says(f"7|{state}|ada|N/A||None")
    found = slurm.find()
    assert found is not None
    assert found.has_ended
    assert jobs.ENDED[found.state]


def test_a_job_that_slurm_does_not_name_is_gone(slurm: Slurm) -> None:
    slurm.says("8|RUNNING|ada|N/A||None")
    assert slurm.find() is None


def test_a_job_of_that_number_of_somebody_else_is_another_one(slurm: Slurm) -> None:
    slurm.says("7|RUNNING|bob|N/A||None")
    assert slurm.find() is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((1, b"Unable to contact slurm controller"), None),
        ((-1, b""), None),
        ((0, b"a line\n"), None),
        ((0, b""), OSError("no squeue")),
    ],
)
def test_without_an_answer_a_job_is_there(slurm: Slurm, answer: tuple[int, bytes], error: OSError | None) -> None:
    slurm.says("8|RUNNING|ada|N/A||None", "7|RUNNING|ada|N/A||None")
    assert slurm.find()
    slurm.now, slurm.answer, slurm.error = 200, answer, error
    assert slurm.find() == Job(7)


def test_an_answer_from_before_a_job_says_nothing_of_it(slurm: Slurm) -> None:
    assert slurm.find() is None
    assert slurm.find(since=101) == Job(7)


def test_one_question_is_for_all_who_ask(slurm: Slurm) -> None:
    async def ask() -> None:
        await asyncio.gather(*(slurm.queue.find(number, "ada", 0) for number in range(100)))

    asyncio.run(ask())
    assert len(slurm.asked) == 1
    assert "--name=jupyterhub@node" in slurm.asked[0]
    slurm.now += jobs.INTERVAL
    asyncio.run(ask())
    assert len(slurm.asked) == 2


def test_a_job_that_no_server_has_is_cancelled_after_a_while(slurm: Slurm) -> None:
    """A start that was cut off, and not one that ended or that a server has."""

    async def look(known: set[int]) -> list[list[str]]:
        await slurm.queue.look()
        await slurm.queue.cancel_orphans(known)
        return [command for command in slurm.asked if command[0] == "scancel"]

    slurm.says("7|PENDING|ada|N/A||Resources", "8|RUNNING|bob|N/A||None", "9|CANCELLED|bob|N/A||None")
    assert asyncio.run(look({8})) == []
    slurm.now += jobs.GRACE
    # One that a server has again, such as after a restart, is counted anew.
    assert asyncio.run(look({7, 8})) == []
    slurm.now += jobs.GRACE
    assert asyncio.run(look({8})) == []
    slurm.now += jobs.GRACE
    assert asyncio.run(look({8})) == [["scancel", "7"]]


def test_nothing_is_cancelled_while_slurm_does_not_answer(slurm: Slurm) -> None:
    async def look() -> None:
        await slurm.queue.look()
        await slurm.queue.cancel_orphans(())

    slurm.says("7|RUNNING|ada|N/A||None")
    asyncio.run(look())
    slurm.now, slurm.answer = slurm.now + jobs.GRACE, (1, b"")
    asyncio.run(look())
    assert {command[0] for command in slurm.asked} == {"squeue"}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"sbatch: error: Batch job submission failed: Invalid partition name\n", "Invalid partition name"),
        (b"sbatch: error: one\nsbatch: error: Batch job submission failed: two\n", "one; two"),
        (b"no answer in 30 seconds", "no answer in 30 seconds"),
        (b"", "nothing"),
    ],
)
def test_what_sbatch_says_becomes_a_line(answer: bytes, told: str) -> None:
    assert jobs.complaint(answer) == told


@pytest.mark.parametrize("answer", [b"12\n", b"12;cluster\n"])
def test_the_number_of_a_job_is_read(answer: bytes) -> None:
    assert jobs.submitted(answer) == 12


def test_a_job_waits_with_its_reason() -> None:
    assert Job(7, "PENDING", "ada", "2026-11-29T20:00:00", reason="Resources").told() == (
        "Job 7 waits for a place: Resources. Slurm expects a place at 2026-11-29T20:00:00."
    )
    assert Job(7, "PENDING", "ada", "N/A", reason="Priority").told() == "Job 7 waits for a place: Priority."


def submission(monkeypatch: pytest.MonkeyPatch) -> Callable[[Wish], list[str]]:
    monkeypatch.setattr(jobs.socket, "gethostname", lambda: "hub.example.org")
    return lambda wish: jobs.submission(wish, (1000, 1001), "/home/ada", "/home/ada/%j.log", "hub@hub", "ada")


def test_a_job_has_what_its_server_may_use_and_nothing_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    command = submission(monkeypatch)(Wish("gpu", "1:00:00", "gpu:1", 4, 2**31, "node1"))
    for option in ("partition=gpu", "time=1:00:00", "gres=gpu:1", "cpus-per-task=4", "mem=2048M", "uid=1000"):
        assert f"--{option}" in command
    assert "--export=NIL" in command
    assert "--nodelist=node1" in command
    assert "--output=/home/ada/%%j.log" in command


def test_what_is_not_said_is_the_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    command = " ".join(submission(monkeypatch)(Wish()))
    for option in ("--partition", "--time", "--gres", "--mem"):
        assert option not in command
