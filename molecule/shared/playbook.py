"""Runs a playbook of the collection against a host of the scenario, as a user does from a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator

INVENTORIES = pathlib.Path(__file__).resolve().parents[1]


def inventory_options(*paths: str) -> list[str]:
    """The test hosts, and inventories by their paths below molecule/."""
    return [f"--inventory={INVENTORIES / path}" for path in ("inventory/containers.py", *paths)]


def run_ansible(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The run of ansible-playbook, in plain text whose lines are not broken."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "2000"}
    return subprocess.run(
        ["ansible-playbook", *arguments], env=environment, capture_output=True, text=True, check=False
    )


@contextlib.contextmanager
def cut_off(host, name: str, inventories: list[str]) -> Iterator[None]:
    """A run of `nbops.jupyter.NAME` for one host, whose controller is killed at the end of the block."""
    arguments = [f"nbops.jupyter.{name}", f"--limit={host.backend.host}", *inventory_options(*inventories)]
    run = subprocess.Popen(
        ["ansible-playbook", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
        assert run.poll() is None, "the run has ended before it was cut off"
    finally:
        # Ansible's workers are sessions of their own, and would wait for ever for who started them.
        workers = subprocess.run(["pgrep", f"--parent={run.pid}"], capture_output=True, text=True, check=False)
        for session in (run.pid, *map(int, workers.stdout.split())):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(session, signal.SIGKILL)
        run.wait()


def run_playbook(
    host, name: str, inventories: list[str], *others: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The run of `nbops.jupyter.NAME` for one host, and for others beside it."""
    limit = f"--limit={','.join([host.backend.host, *others])}"
    extra = [f"--extra-vars={variable}={value}" for variable, value in variables.items()]
    return run_ansible(f"nbops.jupyter.{name}", limit, *inventory_options(*inventories), *extra)


def run_role(name: str, *arguments: str, hosts: str = "instances") -> subprocess.CompletedProcess[str]:
    """A run of one role of the collection, which has to end well; without `hosts`, against those under test."""
    playbook = [{"hosts": hosts, "become": True, "gather_facts": False, "roles": [f"nbops.jupyter.{name}"]}]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump(playbook, file)
        file.flush()
        run = run_ansible(file.name, *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def changes(run: subprocess.CompletedProcess[str]) -> int:
    """How many tasks changed something, on all hosts together."""
    return sum(int(count) for count in re.findall(r"changed=(\d+)", run.stdout))
