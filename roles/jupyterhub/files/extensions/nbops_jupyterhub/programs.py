"""Running programs of the host while the hub goes on."""

from __future__ import annotations

import asyncio


async def run(command: list[str]) -> tuple[int, bytes]:
    """The status of a command and what it prints."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    output, errors = await process.communicate()
    return process.returncode, output or errors
