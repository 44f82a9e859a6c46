"""What docs/how-to/awx.md has to be copied: ansible-builder takes the definition, and a hub takes each answer."""

from __future__ import annotations

import pathlib
import re
import subprocess
from typing import Any

import pytest
import yaml
from models import problems

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILDER = ROOT / ".cache/forge/bin/ansible-builder"
DEFINITION, _playbook, SURVEY = (
    yaml.safe_load(block)
    for block in re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "docs/how-to/awx.md").read_text(), re.MULTILINE | re.DOTALL
    )
)
HUB = {"jupyterhub_users": [{"name": "ada", "admin": True}], "jupyterhub_public_url": "https://hub.example.org"}
HOST = {"inventory_hostname": "hub.example.org", "group_names": ["jupyterhub"]}


def test_ansible_builder_makes_the_context_of_an_image(tmp_path: pathlib.Path) -> None:
    (tmp_path / "execution-environment.yml").write_text(yaml.safe_dump(DEFINITION))
    for entry in DEFINITION["additional_build_files"]:
        (tmp_path / entry["src"]).touch()
    subprocess.run([BUILDER, "create"], cwd=tmp_path, check=True, capture_output=True)
    [collection] = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())["collections"]
    assert (tmp_path / "context/_build" / collection["name"]).exists()


def answers(question: dict[str, Any]) -> list[Any]:
    """What AWX hands over: text as a choice, a number as a number."""
    return [
        question["default"],
        *question.get("choices", []),
        *(question[end] for end in ("min", "max") if end in question),
    ]


@pytest.mark.parametrize("question", SURVEY["spec"], ids=lambda question: question["variable"])
def test_a_hub_takes_each_answer(question: dict[str, Any]) -> None:
    variable = question["variable"]
    subject, base = ("nginx", {}) if variable.startswith("nginx_") else ("playbook_jupyterhub", HUB)
    for answer in answers(question):
        assert problems(subject, {**base, variable: answer}, HOST) == []


def test_a_wrong_answer_would_be_found() -> None:
    assert problems("playbook_jupyterhub", {**HUB, "jupyterhub_upload_limit_mb": "much"}, HOST) != []
