"""Writes for node_exporter what people's servers take: memory, processor time, tasks, and kills for want of memory.

One call of systemctl asks for all units of the hubs. A kill is counted from one run to the next, and the count outlives
the server: systemd forgets a server that has ended. The account that runs this may write its own state alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pathlib
import pwd
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import textfile

HERE = pathlib.Path(__file__).resolve().parent
CGROUPS = pathlib.Path("/sys/fs/cgroup")
OUTPUT, STATE = "nbops_servers.prom", "kills.json"
# What the spawner writes, also where the name was too long for the unit's.
DESCRIPTION = "Notebook server of "
PROPERTIES = (
    *("Id", "Description", "ActiveState", "ActiveEnterTimestamp", "InvocationID", "Result", "ControlGroup"),
    *("MemoryCurrent", "MemoryPeak", "MemoryMax", "CPUUsageNSec", "TasksCurrent"),
)
RUNNING = ("active", "activating", "deactivating", "reloading")
# Older versions of systemd write the largest number for what is not known or has no limit.
UNKNOWN = 2**63
NANOSECONDS = 1e9
DIGITS = 12
# By metric: kind, help, property of systemd, and what its number is divided by.
METRICS = {
    "nbops_server_memory_bytes": ("gauge", "Memory of a server with its kernels.", "MemoryCurrent", 1),
    "nbops_server_memory_peak_bytes": ("gauge", "Most memory of a server since its start.", "MemoryPeak", 1),
    "nbops_server_memory_limit_bytes": ("gauge", "Memory that a server may take.", "MemoryMax", 1),
    "nbops_server_cpu_seconds_total": (
        "counter",
        "Processor time of a server since its start.",
        "CPUUsageNSec",
        NANOSECONDS,
    ),
    "nbops_server_tasks": ("gauge", "Processes and threads of a server.", "TasksCurrent", 1),
    "nbops_server_start_time_seconds": ("gauge", "Time at which a server was started.", "ActiveEnterTimestamp", 1),
}
KILLS = "nbops_server_oom_kills_total"
Unit = dict[str, str]
Labels = tuple[tuple[str, str], ...]


def main() -> int:
    settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
    directory = pathlib.Path(os.environ["STATE_DIRECTORY"])
    salt = (pathlib.Path(os.environ["CREDENTIALS_DIRECTORY"]) / "salt").read_bytes()
    units = ask(settings["hubs"])
    before = read_state(directory / STATE)
    kills = count(before, units, settings["hubs"], killed, has_account)
    # The state first: a kill that was shown must not be counted again.
    write(directory / STATE, json.dumps(kills, indent=1, sort_keys=True) + "\n", 0o600)
    write(directory / OUTPUT, text(units, kills, settings, salt), 0o644)
    return 0


def ask(hubs: list[str]) -> list[Unit]:
    """The units of people's servers, as systemd describes them. Raises CalledProcessError."""
    patterns = [f"{hub}-user-*.service" for hub in hubs]
    if not patterns:
        return []
    command = ["/usr/bin/systemctl", "show", "--timestamp=unix", f"--property={','.join(PROPERTIES)}", "--", *patterns]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return parse(done.stdout)


def parse(answer: str) -> list[Unit]:
    """The units of an answer of `systemctl show`."""
    blocks = (dict(line.partition("=")[::2] for line in block.splitlines()) for block in answer.split("\n\n"))
    return [block for block in blocks if block.get("Id")]


def person(unit: Unit, hubs: Iterable[str]) -> tuple[str, str, str]:
    """The hub, the user and the name of a server; the name is empty for the first one of a user."""
    # A hub's name may begin like another's.
    hub = max((hub for hub in hubs if unit["Id"].startswith(f"{hub}-user-")), key=len)
    key = unit["Id"].removeprefix(f"{hub}-user-").removesuffix(".service")
    user, _colon, server = key.partition(":")
    said = unit.get("Description", "")
    if said.startswith(DESCRIPTION):
        # A digest stands for a long name, and has no name of a server to it.
        server = key if key.startswith("H") else server
        return hub, said.removeprefix(DESCRIPTION), plain(server)
    return hub, plain(user), plain(server)


def plain(text: str) -> str:
    """A name as it was before the hub wrote it as the name of a unit: `X` and two digits stand for a byte."""
    found = re.sub(rb"X([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())
    return found.decode(errors="replace")


def number(value: str) -> int | None:
    """A number of systemd's; None where it is not known, or infinite."""
    digits = value.removeprefix("@")
    return int(digits) if digits.isdecimal() and int(digits) < UNKNOWN else None


def killed(unit: Unit, root: pathlib.Path = CGROUPS) -> int:
    """How many processes of a unit Linux has ended for want of memory, as its control group says; 0 without one."""
    group = unit.get("ControlGroup", "").lstrip("/")
    if not group:
        return 0
    for path in (root / group / "memory.events", root / "memory" / group / "memory.oom_control"):
        try:
            lines = path.read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        return int(dict(line.split() for line in lines).get("oom_kill", 0))
    return 0


def has_account(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def count(
    before: dict[str, Any],
    units: list[Unit],
    hubs: list[str],
    killed: Callable[[Unit], int],
    has_account: Callable[[str], bool],
) -> dict[str, Any]:
    """The kills of each server: those that were counted before, and those since. Who has no account is forgotten.

    So is a server that ended without any: people choose the names of their servers, and would have ever more counted.
    """
    found = {}
    for unit in units:
        hub, user, server = person(unit, hubs)
        old = before.get(unit["Id"], {"total": 0, "seen": 0, "invocation": ""})
        # A server that was started anew has a new control group, which begins at 0.
        seen = old["seen"] if old["invocation"] == unit.get("InvocationID") else 0
        # One that ended by it has no control group any more.
        now = max(killed(unit), seen, int(unit.get("Result") == "oom-kill"))
        found[unit["Id"]] = {
            **{"hub": hub, "user": user, "server": server, "invocation": unit.get("InvocationID", "")},
            **{"seen": now, "total": old["total"] + now - seen},
        }
    for name, old in before.items():
        if name not in found and old["total"] and old["hub"] in hubs and has_account(old["user"]):
            found[name] = old
    return found


def text(units: list[Unit], kills: dict[str, Any], settings: dict[str, Any], salt: bytes) -> str:
    """All of it in the text format of Prometheus."""
    hubs, usage = settings["hubs"], settings["user_usage"]
    running = [unit for unit in units if unit.get("ActiveState") in RUNNING]
    here = [person(unit, hubs)[0] for unit in running]
    numbers = [({"hub": hub}, str(here.count(hub))) for hub in hubs]
    found = [textfile.metric("nbops_servers", "gauge", "Servers that run.", numbers)]
    if usage != "none":
        found += [_metric_of_servers(metric, running, hubs, usage, salt) for metric in METRICS]
    totals: dict[Labels, int] = {}
    for entry in kills.values():
        row = shown(entry["hub"], entry["user"], entry["server"], usage, salt)
        totals[row] = totals.get(row, 0) + entry["total"]
    counts = [(dict(row), str(total)) for row, total in sorted(totals.items())]
    found.append(textfile.metric(KILLS, "counter", "Processes that Linux ended for want of memory.", counts))
    return "".join(found)


def _metric_of_servers(metric: str, running: list[Unit], hubs: list[str], usage: str, salt: bytes) -> str:
    """One of METRICS, with a sample for each server of which systemd knows the number."""
    kind, help_text, name, unit_size = METRICS[metric]
    known = {
        shown(*person(unit, hubs), usage, salt): value / unit_size
        for unit in running
        if (value := number(unit.get(name, ""))) is not None
    }
    samples = [(dict(row), f"{value:.17g}") for row, value in sorted(known.items())]
    return textfile.metric(metric, kind, help_text, samples)


def shown(hub: str, user: str, server: str, usage: str, salt: bytes) -> Labels:
    """The labels of a server: with names, with digests in their place, or of the hub alone."""
    if usage == "none":
        return (("hub", hub),)
    if usage == "hashed":
        user, server = digest(salt, user), server and digest(salt, f"{user}:{server}")
    return ("hub", hub), ("user", user), ("server", server)


def digest(salt: bytes, name: str) -> str:
    """What stands for a name: always the same for one salt, and without the salt nobody finds the name."""
    return hmac.new(salt, name.encode(), hashlib.sha256).hexdigest()[:DIGITS]


def read_state(path: pathlib.Path) -> dict[str, Any]:
    """What an earlier run counted; nothing where a file cannot be read, because counters may begin anew."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # The journal takes a line with this prefix for a warning.
        print(f"<4>{path} cannot be read, so kills are counted anew: {error}", file=sys.stderr)
        return {}


def write(path: pathlib.Path, content: str, mode: int) -> None:
    """Replaces a file by one rename, so that nobody reads half of one."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
    draft.rename(path)


if __name__ == "__main__":
    sys.exit(main())
