"""Bad input is refused, with its message, before the host is touched.

Each table `<role>.yml` beside this file lists `name`, `vars` and `message`. One run of a role tries all of its cases,
each as a host with these variables. The hosts have no Python interpreter and no facts: whatever reached one would fail
in another way, and only a refusal carries the expected message.
"""

from __future__ import annotations

import functools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections import Counter

import pytest
import yaml

TABLES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(pathlib.Path(__file__).parent.glob("*.yml"))}
UNTOUCHABLE = {"ansible_connection": "local", "ansible_python_interpreter": "/nonexistent/python"}

CASES = [
    pytest.param(role, number, id=f"{role}: {case['name']}")
    for role, cases in TABLES.items()
    for number, case in enumerate(cases)
]


@functools.cache
def refusals(role: str) -> dict[str, str]:
    """What the role said to each case that it refused, by the name of the case's host."""
    hosts = {f"case{number}": case["vars"] for number, case in enumerate(TABLES[role])}
    with tempfile.TemporaryDirectory() as directory:
        inventory, playbook = pathlib.Path(directory, "hosts.yml"), pathlib.Path(directory, "playbook.yml")
        # Beside the playbook, where a case finds it.
        pathlib.Path(directory, "broken.py").write_text("answer = 42\nanswer = = 42\n")
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": UNTOUCHABLE}}))
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": [f"nbops.jupyter.{role}"]}]))
        run = subprocess.run(
            [shutil.which("ansible-playbook"), "--inventory", inventory, playbook],
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "correct horse" not in run.stdout + run.stderr, "a refusal repeats no secret"
    return {
        host: str(result["msg"])
        for task in json.loads(run.stdout)["plays"][0]["tasks"]
        for host, result in task["hosts"].items()
        if result.get("failed")
    }


@pytest.mark.parametrize(("role", "number"), CASES)
def test_refused_with_its_message(role: str, number: int) -> None:
    case = TABLES[role][number]
    assert case["message"] in refusals(role).get(f"case{number}", "nothing, the role went on")


@pytest.mark.parametrize("role", TABLES)
def test_each_case_has_a_name_of_its_own(role: str) -> None:
    assert max(Counter(case["name"] for case in TABLES[role]).values()) == 1
