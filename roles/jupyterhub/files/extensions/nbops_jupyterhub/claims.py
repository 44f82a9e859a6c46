"""How a job gets what its server needs, without a secret in Slurm: the job says who it is, and the hub answers.

The job proves by MUNGE that it runs as an account, and names its number; on another host also how it is reached. The
hub knows for which job it waits, and whose that is. MUNGE lets nobody show a proof twice.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler

from nbops_jupyterhub.accounts import uid_of
from nbops_jupyterhub.programs import run

PATH = "/api/nbops/claim"
# Bytes; a proof has about two hundred, and with a certificate about a thousand.
LONGEST = 4000
PATIENCE = 10
# Programs at once: everybody who reaches the hub may send something.
CHECKS = asyncio.Semaphore(4)

# The spawners that wait, by the number of the job.
waiting: dict[int, Any] = {}


async def decoded(proof: bytes) -> tuple[int, dict]:
    """The uid of who made a proof, and what it says. Raises ValueError where it is none, or was shown before."""
    async with CHECKS:
        status, answer = await run(["unmunge", "--numeric", "--keys=UID"], proof, PATIENCE)
    if status != 0:
        raise ValueError("MUNGE refuses the proof")
    return parsed(answer)


def parsed(answer: bytes) -> tuple[int, dict]:
    """What unmunge prints: the uid, an empty line, and what the proof says. Raises ValueError for anything else."""
    head, _blank, payload = answer.partition(b"\n\n")
    key, _colon, uid = head.partition(b":")
    said = json.loads(payload)
    if key.strip() != b"UID" or not isinstance(said, dict):
        raise ValueError("no proof of ours")
    return int(uid), said


def claimed(uid: int, said: dict) -> Any:
    """The spawner that waits for the job of a proof. Raises ValueError where there is none of that account."""
    number = said.get("job")
    spawner = waiting.get(number) if isinstance(number, int) else None
    if spawner is None or uid_of(spawner.user.name) != uid:
        raise ValueError(f"uid {uid} has no job {number!a} that the hub waits for")
    return spawner


class ClaimHandler(RequestHandler):
    """Answers a job with the command and the environment of its server."""

    def check_xsrf_cookie(self) -> None:
        """No cookie counts here, and so no other page can use one."""

    async def post(self) -> None:
        proof = self.request.body
        try:
            if not waiting or len(proof) > LONGEST:
                raise ValueError("the hub waits for no job, or the proof is too long")
            uid, said = await decoded(proof)
            handed = await claimed(uid, said).handed_over(said)
        except ValueError as error:
            app_log.warning("A claim is refused: %s", error)
            raise HTTPError(403) from None
        self.set_header("Cache-Control", "no-store")
        self.write(handed)
