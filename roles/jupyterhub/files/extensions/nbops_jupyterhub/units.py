"""Transient units of servers and of their ports, as systemd keeps them."""

from __future__ import annotations

import asyncio
import pathlib

from nbops_jupyterhub.errors import StartError
from nbops_jupyterhub.programs import run

# Where systemd keeps the units that programs make, see systemd.unit(5).
UNITS = pathlib.Path("/run/systemd/transient")
# Seconds in which systemd forgets a unit that has ended; it needs some milliseconds.
PATIENCE = 10
INTERVAL = 0.02


def is_known(unit: str) -> bool:
    """Whether systemd still has a transient unit, which may have ended."""
    return (UNITS / unit).exists()


async def forget(unit: str) -> None:
    """End a unit, and wait until systemd has forgotten it. Raises StartError where it does not.

    systemd removes the runtime directory of a unit that has failed only when it forgets the unit, and does so some
    time after it was told to. What the next unit of that name finds there would go as well.
    """
    if not is_known(unit):
        return
    await run(["systemctl", "stop", unit])
    await run(["systemctl", "reset-failed", unit])
    for _attempt in range(int(PATIENCE / INTERVAL)):
        if not is_known(unit):
            return
        await asyncio.sleep(INTERVAL)
    raise StartError(f"systemd does not let go of {unit}, your server before this one. Ask the administrator.")


def socket_of(unit: str) -> str:
    """The unit of the socket by which a service begins."""
    return unit.removesuffix(".service") + ".socket"


def is_held(unit: str) -> bool:
    """Whether a service has its socket still."""
    return is_known(socket_of(unit))


async def let_go(unit: str) -> None:
    """Free the address of a service, and cut its connections. Raises StartError where systemd refuses."""
    if not is_held(unit):
        return
    # One command for both: between two, a connection would start the service again.
    status, said = await run(["systemctl", "stop", socket_of(unit), unit])
    # A unit that ended meanwhile is not there any more.
    if status != 0 and is_held(unit):
        raise StartError(f"{socket_of(unit)} does not stop: {said.decode(errors='replace').strip()}")
