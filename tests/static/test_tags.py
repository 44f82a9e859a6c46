"""A run that chooses a role's tasks by one of its tags has all that these tasks use."""

from __future__ import annotations

import importlib
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

ROLES = sorted(path for path in (pathlib.Path(__file__).resolve().parents[2] / "roles").iterdir() if path.is_dir())
NESTED = ("block", "rescue", "always")
INCLUDES = {"ansible.builtin.import_tasks": True, "ansible.builtin.include_tasks": False}
MODELS = "ansible_collections.nbops.jupyter.plugins.plugin_utils._model"
# What a task finds out for others that is no variable.
FACTS = {"ansible.builtin.getent": "getent_passwd"}


@dataclass(frozen=True)
class Task:
    """A task with all its tags, and whether a run may skip it for another reason."""

    name: str
    tags: frozenset[str]
    is_conditional: bool
    text: str
    makes: frozenset[str]


def tasks_of(file: pathlib.Path, tags: frozenset[str], is_conditional: bool) -> Iterator[Task]:
    yield from _flat(yaml.safe_load(file.read_text()), file, tags, is_conditional)


def _flat(entries: list[dict[str, Any]], file: pathlib.Path, tags: frozenset[str], conditional: bool) -> Iterator[Task]:
    for entry in entries:
        own = tags | set(entry.get("tags", []))
        may_skip = conditional or "when" in entry
        text = yaml.safe_dump({key: value for key, value in entry.items() if key not in NESTED}, width=10_000)
        makes = {entry[key] for key in ("register",) if key in entry}
        makes |= {fact for module, fact in FACTS.items() if module in entry}
        yield Task(f"{file.name}: {entry['name']}", own, may_skip, text, frozenset(makes))
        for part in NESTED:
            yield from _flat(entry.get(part, []), file, own, may_skip or part == "rescue")
        for module, is_static in INCLUDES.items():
            if module in entry:
                arguments = entry[module] if isinstance(entry[module], dict) else {"file": entry[module]}
                applied = set(arguments.get("apply", {}).get("tags", []))
                # What is included at run time has the tags of what holds the inclusion, and not its own.
                yield from tasks_of(file.parent / arguments["file"], own if is_static else tags | applied, may_skip)


def early(role: str) -> str:
    """A pattern of what the plan of a role holds whatever is known of the host.

    Without these facts the rest is not in it, so that a run fails instead of writing something else.
    """
    needs = getattr(importlib.import_module(f"{MODELS}.{role}"), "NEEDS", {})
    late = "|".join(key for keys in needs.values() for key in keys)
    return rf"__{role}_plan\.(?!({late})\b)" if late else ""


def missing(tasks: list[Task], tag: str, known: str = "") -> list[str]:
    """What tasks with a tag use, and tasks without it make before them.

    Not what the pattern `known` matches, nor what has a default.
    """
    texts = [re.sub(known, "", task.text) if known else task.text for task in tasks]
    chosen = {number for number, task in enumerate(tasks) if task.tags & {tag, "always"}}
    found = []
    for number in sorted(chosen):
        for other, maker in enumerate(tasks[:number]):
            used = {name for name in maker.makes if re.search(rf"\b{name}\b(?![\w.]* \| default\()", texts[number])}
            if used and other not in chosen and not maker.is_conditional:
                found.append(f"{tasks[number].name} uses what {maker.name} makes, which has no tag {tag}")
    return found


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_each_tag_stands_alone(role: pathlib.Path) -> None:
    tasks = list(tasks_of(role / "tasks/main.yml", frozenset(), False))
    tags = {tag for task in tasks for tag in task.tags} - {"always"}
    assert tags >= {role.name}
    assert [problem for tag in sorted(tags) for problem in missing(tasks, tag, early(role.name))] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_the_page_of_a_role_lists_its_tags(role: pathlib.Path) -> None:
    tags = {tag for task in tasks_of(role / "tasks/main.yml", frozenset(), False) for tag in task.tags} - {"always"}
    listed = (role / "README.md").read_text().partition("\n## Tags\n\n")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == tags


@pytest.mark.parametrize(
    ("tags", "use", "is_found"),
    [
        (["a", "b"], "when: __found.x", False),
        (["a"], "when: __found.x", True),
        (["a"], "loop: __found.x | default([])", False),
    ],
)
def test_what_is_missing_is_found(tags: list[str], use: str, is_found: bool) -> None:
    made = [
        Task("one", frozenset(tags), False, "", frozenset({"__found"})),
        Task("two", frozenset({"b"}), False, use, frozenset()),
    ]
    assert bool(missing(made, "b")) == is_found
