"""What pages say is so: links lead somewhere, variables exist, and what is to be copied is accepted."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import diagrams
import pages as site
import pictures as taken
import pytest
import yaml
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import ROLES, options_of
from models import problems

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted({*site.pages(), *(path.name for path in ROOT.glob("*.md"))})
GUIDES = [page for page in PAGES if page.startswith("docs/") or page == "README.md"]
page_parameter = pytest.mark.parametrize("page", PAGES)

KNOWN = {name for subject in (*ROLES, "playbook_all") for name in options_of(subject)}
LONGEST_FIRST = sorted(ROLES, key=len, reverse=True)
PREFIXES = "|".join(LONGEST_FIRST)
# A name like a variable's, which is neither a part of a path, of a file's name or of a longer name, nor called.
NAME = re.compile(rf"(?<![\w./:-])(?:jupyter|{PREFIXES})_[a-z0-9_]+(?![\w/(-]|\.[a-z])")
# Names that begin like variables and are something else, of the collection or of others.
OTHERS = {
    *(path.stem for folder in ("modules", "filter", "test") for path in (ROOT / "plugins" / folder).glob("*.py")),
    *(path.name for path in (ROOT / "molecule").iterdir()),
    *(f"{role}_{verb}" for role in ROLES for verb in ("install", "configure", "service", "remove")),
    # Groups of an inventory.
    *("jupyterhub_nodes", "slurm_clients", "slurm_controller", "slurm_database", "slurm_nodes"),
    *("nfs_home_clients", "nfs_home_server"),
    # A database of Slurm's own name.
    "slurm_acct_db",
    # Rows of a measurement, a file of Prometheus, a program of another project, and what a playbook takes.
    *("jupyterhub_token", "jupyter_server", "jupyterhub_idle_culler", "metrics_path"),
}

# Hosts for blocks that say a part of what they are.
HUB = {"jupyterhub_users": [{"name": "ada", "admin": True}], "jupyterhub_public_url": "https://hub.example.org"}
LAB = {"jupyterlab_instances": [{"name": "lab", "user": "alice", "password": "of the vault"}]}
HOST = {
    "inventory_hostname": "hub.example.org",
    "group_names": ["jupyterhub", "jupyterlab", "nfs_home_clients", "slurm_controller"],
    "groups": {"slurm_controller": {"hub.example.org": {}}, "slurm_nodes": {"node1.example.org": {}}},
}
BASES = {"jupyterhub": HUB, "jupyterlab": LAB}
REPOSITORY = {"backup_repository": "/mnt/backup", "backup_password": "of the repository"}
NEEDED = {
    "nfs_home": {"nfs_home_server_address": "10.0.0.10"},
    "python_venv": {"python_venv_path": "/opt/app", "python_venv_packages": ["pandas"]},
    "backup": {**HUB, **REPOSITORY},
}

# By what an expression says.
PEM = "-----BEGIN {0}-----\nMIIB\n-----END {0}-----\n"
STAND_INS = {
    "_key ": PEM.format("PRIVATE KEY"),
    r"\.pem'": PEM.format("CERTIFICATE"),
    "_hash ": "$2b$12$" + "a" * 53,
    "inventory_hostname": "hub.example.org",
    "": "from-the-vault-1234",
}


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str, language: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks of a language, with the lines on which they begin."""
    text = text_of(page)
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


@page_parameter
def test_links_lead_somewhere(page: str) -> None:
    assert site.problems(page) == []


def test_the_pictures_are_those_that_a_command_takes_and_that_pages_show() -> None:
    found = {path.stem: path.stat().st_size for path in (ROOT / "docs/pictures").glob("*.png")}
    image = re.compile(r"!\[[^]]{20,}\]\([./\w]*pictures/(\w+)\.png\)")
    shown = {name for page in PAGES for name in image.findall(text_of(page))}
    assert found.keys() == taken.HEIGHTS.keys() == shown
    assert max(found.values()) <= 150_000


@page_parameter
def test_variables_exist(page: str) -> None:
    named = set(NAME.findall(text_of(page)))
    assert sorted(named - KNOWN - OTHERS) == []


@page_parameter
def test_blocks_are_yaml(page: str) -> None:
    for line, block in blocks(page, "yaml"):
        try:
            list(yaml.safe_load_all(block))
        except yaml.YAMLError as error:
            pytest.fail(f"{page}:{line}: {error}")


def test_an_invented_variable_is_found() -> None:
    assert NAME.findall("`jupyterhub_userz: []`, and jupyterlab_instances.") == [
        "jupyterhub_userz",
        "jupyterlab_instances",
    ]
    assert NAME.findall("/etc/jupyterhub_x/jupyterhub_config.py, jupyterlab_rollback()") == []


def resolved(value: Any) -> Any:
    """The value with a text in the place of what a vault or the inventory holds."""
    if isinstance(value, dict):
        return {key: resolved(part) for key, part in value.items()}
    if isinstance(value, list):
        return [resolved(part) for part in value]
    return re.sub(r"\{\{(.*?)\}\}", stand_in, value) if isinstance(value, str) else value


def stand_in(match: re.Match[str]) -> str:
    """A text of the kind that an expression stands for."""
    return next(text for kind, text in STAND_INS.items() if re.search(kind, match.group(1)))


def variables_of(block: str) -> dict[str, Any]:
    """The variables of the collection that a block gives to hosts."""
    document = next(iter(yaml.safe_load_all(block)), None)
    return (
        resolved({name: part for name, part in document.items() if name in KNOWN}) if isinstance(document, dict) else {}
    )


def subjects(variables: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The playbooks and roles that these variables are for, with what they need beside them."""
    roles = {next((role for role in LONGEST_FIRST if name.startswith(f"{role}_")), "") for name in variables}
    for server, base in BASES.items():
        if server in roles or not roles & BASES.keys():
            yield f"playbook_{server}", {**base, **variables}
    if "jupyter_open" in variables:
        yield "firewall", {"firewall_open": variables["jupyter_open"]}
    for role in sorted(roles - {""}):
        yield role, {**NEEDED.get(role, {}), **BASES.get(role, {}), **variables}


def spans(page: str) -> Iterator[tuple[int, str]]:
    """Variables with their values inside of sentences, with the lines on which they begin.

    An authenticator needs more than a sentence says.
    """
    text = text_of(page)
    for match in re.finditer(r"`((?!jupyterhub_authenticator:)[a-z_]+: [^`]+)`", text):
        yield text.count("\n", 0, match.start()) + 1, match.group(1)


COPIED = [
    pytest.param(variables, id=f"{page}:{line}")
    for page in GUIDES
    for line, block in [*blocks(page, "yaml"), *spans(page)]
    if "..." not in block and (variables := variables_of(block))
]


@pytest.mark.parametrize("variables", COPIED)
def test_what_is_to_be_copied_is_accepted(variables: dict[str, Any]) -> None:
    for subject, given in subjects(variables):
        assert problems(subject, given, HOST) == [], subject


@page_parameter
def test_no_page_names_a_file_that_ansible_ignores_beside_the_directory_of_the_examples(page: str) -> None:
    assert re.findall(r"group_vars/jupyter(?:lab|hub)\.yml", (ROOT / page).read_text()) == []


def test_a_diagram_is_drawn_with_all_that_it_says() -> None:
    page = """Before.

```mermaid
graph LR
  accTitle: Who asks whom
  one["The first"] -->|"asks"| two.b
```
"""
    drawn = diagrams.drawn(page)
    assert "Before." in drawn
    assert ":alt: Who asks whom" in drawn
    assert "rankdir=LR" in drawn
    assert '"one" [label="The first"]' in drawn
    assert '"one" -> "two.b" [label="asks"]' in drawn


@pytest.mark.parametrize(
    "text",
    ["graph LR\n  one --> two\n", "pie\n  accTitle: Shares\n", "graph LR\n  accTitle: Loops\n  one --- two\n"],
    ids=["without-a-title", "no-flowchart", "no-arrow"],
)
def test_a_diagram_that_the_site_would_not_draw_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"a diagram begins|a line of a diagram"):
        diagrams.drawn(f"```mermaid\n{text}```\n")
