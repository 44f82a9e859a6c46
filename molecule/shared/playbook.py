"""Runs a playbook of the collection against a host of the scenario, as a user does from a terminal."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

INVENTORIES = pathlib.Path(__file__).resolve().parents[1]


def run_playbook(
    host, name: str, inventories: list[str], *others: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The run of `nbops.jupyter.NAME` for one host, and for others after it. Inventories are paths below molecule/."""
    command = ["ansible-playbook", f"nbops.jupyter.{name}", f"--limit={','.join([host.backend.host, *others])}"]
    command += [f"--inventory={INVENTORIES / path}" for path in ("inventory/containers.py", *inventories)]
    command += [f"--extra-vars={variable}={value}" for variable, value in variables.items()]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "COLUMNS": "1000"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def changes(run: subprocess.CompletedProcess[str]) -> int:
    """How many tasks changed something, on all hosts together."""
    return sum(int(count) for count in re.findall(r"changed=(\d+)", run.stdout))
