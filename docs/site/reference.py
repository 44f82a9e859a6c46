"""Writes the sources of the site: the pages of the repository, and the reference of variables from specifications."""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from typing import Any

import pages
import yaml
from antsibull_docs_parser.md import to_md
from antsibull_docs_parser.parser import Context, parse

PLAYBOOKS = "playbooks/meta/argument_specs.yml"
SPECIFIED = """

## Specification

All options with their types, from the specification by which the role checks them:
[{role}](../collection/{role}_role.rst).
"""
INTRODUCTION = """\
# All variables

Every variable of the playbooks and of the roles, from the specifications by which input is checked. What a dictionary
or a list holds is told by the page of the role.
"""


def options(specification: str) -> dict[str, dict[str, Any]]:
    return yaml.safe_load((pages.ROOT / specification).read_text())["argument_specs"]["main"]["options"]


def meaning(option: dict[str, Any]) -> str:
    """The description of an option as Markdown in a cell of a table."""
    paragraphs = option["description"]
    paragraphs = [paragraphs] if isinstance(paragraphs, str) else paragraphs
    return " ".join(to_md(parse(paragraphs, Context()), par_start="", par_end=" ").split()).replace("|", r"\|")


def default(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    text = (
        yaml.safe_dump(option.get("default"), default_flow_style=True, width=1000)
        .removesuffix("\n")
        .removesuffix("\n...")
    )
    return f"`{text}`".replace("|", r"\|")


def table(title: str, page: str, specification: str) -> str:
    rows = [
        f"\n## {title}\n",
        f"See [{title}]({page}).\n",
        "| Variable | Type | Default | Meaning |",
        "|---|---|---|---|",
    ]
    for name, option in sorted(options(specification).items()):
        rows.append(f"| `{name}` | {option['type']} | {default(option)} | {meaning(option)} |")
    return "\n".join([*rows, ""])


def variables() -> str:
    """The page of all variables."""
    roles = sorted(path.parent.name for path in (pages.ROOT / "roles").glob("*/README.md"))
    tables = [table("Playbooks", "playbooks.md", PLAYBOOKS)]
    tables += [table(role, f"roles/{role}.md", f"roles/{role}/meta/argument_specs.yml") for role in roles]
    return INTRODUCTION + "".join(tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    directory = parser.parse_args().directory
    if wrong := [problem for page in pages.pages() for problem in pages.problems(page)]:
        sys.exit("\n".join(wrong))
    for page, place in pages.pages().items():
        text = pages.for_site(page)
        if place.startswith("roles/"):
            text += SPECIFIED.format(role=pathlib.PurePath(place).stem)
        (directory / place).parent.mkdir(parents=True, exist_ok=True)
        (directory / place).write_text(text)
    (directory / "pictures").mkdir()
    for picture, place in pages.pictures().items():
        shutil.copy(pages.ROOT / picture, directory / place)
    (directory / "variables.md").write_text(variables())
    (directory / "changelog.rst").write_text((pages.ROOT / "CHANGELOG.rst").read_text())


if __name__ == "__main__":
    main()
