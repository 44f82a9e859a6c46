"""Bad input is refused, with its message, before the host is touched.

Each table `<role>.yml` beside this file lists `name`, `vars` and `message`. The role runs with the variables on a host
whose Python interpreter does not exist and without facts: whatever reached the host would fail in another way, and only
a refusal carries the expected message.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

import pytest
import yaml

HERE = pathlib.Path(__file__).parent
TABLES = sorted(HERE.glob("*.yml"))
INVENTORY = "untouchable ansible_connection=local ansible_python_interpreter=/nonexistent/python\n"


def play(role: str, cases: list[dict], answers: pathlib.Path) -> list[dict]:
    """One play that tries every case and writes down what each refusal said."""
    tasks = [
        {
            "name": case["name"],
            "block": [
                {
                    "name": "Run the role",
                    "ansible.builtin.include_role": {"name": f"nbops.jupyter.{role}"},
                    "vars": case["vars"],
                }
            ],
            "rescue": [
                {
                    "name": "Keep the refusal",
                    "ansible.builtin.set_fact": {
                        "refusals": "{{ refusals | default([]) + [[case, ansible_failed_result | to_json]] }}"
                    },
                    "vars": {"case": case["name"]},
                }
            ],
        }
        for case in cases
    ]
    keep = {
        "name": "Write the refusals down",
        "ansible.builtin.copy": {"content": "{{ refusals | to_json }}", "dest": str(answers), "mode": "0600"},
        "delegate_to": "localhost",
    }
    return [{"name": "Refusals", "hosts": "untouchable", "gather_facts": False, "tasks": [*tasks, keep]}]


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_refused_with_its_message(table: pathlib.Path, tmp_path: pathlib.Path) -> None:
    cases = yaml.safe_load(table.read_text())
    assert len({case["name"] for case in cases}) == len(cases), "each case has a name of its own"
    answers = tmp_path / "answers.json"
    (tmp_path / "hosts").write_text(INVENTORY)
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play(table.stem, cases, answers), sort_keys=False))
    run = subprocess.run(
        [shutil.which("ansible-playbook"), "--inventory", tmp_path / "hosts", tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answers.exists(), run.stdout[-3000:] + run.stderr[-3000:]
    assert "correct horse" not in run.stdout + run.stderr, "a refusal repeats no secret"
    said = dict(json.loads(answers.read_text()))
    wrong = [
        f"{case['name']}: expected {case['message']!r}, got: {said.get(case['name'], 'the role went on')[:1500]}"
        for case in cases
        if json.dumps(case["message"])[1:-1] not in said.get(case["name"], "")
    ]
    assert not wrong, "\n\n".join(wrong)
