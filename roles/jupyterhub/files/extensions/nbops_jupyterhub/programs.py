"""Running programs of the host while the hub goes on."""

from __future__ import annotations

import asyncio

NO_ANSWER = -1


async def run(command: list[str], text: bytes | None = None, seconds: float | None = None) -> tuple[int, bytes]:
    """The status of a command and what it prints.

    `text` is its standard input. One that needs more `seconds` is ended, and its status is NO_ANSWER.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=None if text is None else pipe, stdout=pipe, stderr=pipe
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(text), seconds)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return NO_ANSWER, f"no answer in {seconds:g} seconds".encode()
    return process.returncode, output or errors
