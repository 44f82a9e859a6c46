"""The contracts of design: what a role says of itself in four places agrees, and nothing is left over."""

from __future__ import annotations

import ast
import collections
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jinja2
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
VERBS = (
    "main",
    "preflight",
    "validate",
    "ask",
    "install",
    "require",
    "configure",
    "confirm",
    "service",
    "leave",
    "restore",
    "restore_home",
    "rollback",
    "remove",
)
# What a verb does only where there is something to do, in a file that is skipped as a whole.
PARTS = ("packages", "absent", "traefik", "postgresql", "slurm", "node", "accounting", "ssh")
MODULES = sorted(
    path
    for path in (ROOT / "plugins/modules").glob("*.py")
    # Without a program, it describes an action of the same name, which runs on the controller.
    if "def main(" in path.read_text()
)
# What makes files by tasks; what they make has a mode that is said.
WRITERS = ("assemble", "copy", "get_url", "template", "unarchive")
role_parameter = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)


def load(path: pathlib.Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def options(role: pathlib.Path) -> dict[str, dict]:
    return load(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]


def sources(role: pathlib.Path, *, without: str = "") -> str:
    """Everything in the role that can use a variable."""
    parts = [
        path.read_text()
        for folder in ("defaults", "vars", "tasks", "handlers", "templates")
        for path in sorted((role / folder).rglob("*"))
        if path.is_file() and str(path.relative_to(role)) != without
    ]
    return "\n".join(parts)


def words(text: str) -> collections.Counter[str]:
    """The words of a text, a whole name being one, with how often they stand there."""
    return collections.Counter(re.findall(r"\w+", text))


def model(role: pathlib.Path) -> str:
    return "\n".join(path.read_text() for path in (ROOT / "plugins/plugin_utils/_model").glob(f"{role.name}*.py"))


@role_parameter
def test_defaults_are_the_documented_ones(role: pathlib.Path) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    required = {name for name, option in options(role).items() if option.get("required")}
    defaults = load(role / "defaults/main.yml") or {}
    if (role / "defaults").exists():
        assert documented == defaults
    assert set(options(role)) == set(documented) | required


PAGES = [
    *((role / "README.md", role / "meta/argument_specs.yml") for role in ROLES),
    (ROOT / "docs/playbooks.md", ROOT / "playbooks/meta/argument_specs.yml"),
]


@pytest.mark.parametrize(("page", "specification"), PAGES, ids=lambda path: path.parent.name)
def test_the_page_names_every_variable_with_its_type_and_default(
    page: pathlib.Path, specification: pathlib.Path
) -> None:
    rows = {}
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            rows[cells[0].strip("`")] = (cells[1], cells[2].strip("`"))
    expected = {}
    for name, option in load(specification)["argument_specs"]["main"]["options"].items():
        default = "required" if option.get("required") else yaml.safe_dump(option["default"], default_flow_style=True)
        expected[name] = (option["type"], default.removesuffix("\n").removesuffix("\n..."))
    assert {name: rows.get(name) for name in expected} == expected


@role_parameter
def test_every_variable_is_used(role: pathlib.Path) -> None:
    used = words(sources(role, without="defaults/main.yml"))
    if not (role / "defaults").exists():
        used.update([f"{role.name}_{word}" for word in {*used, *words(model(role))}])
    public = set(options(role)) - used.keys()
    internal = {name for name in load(role / "vars/main.yml") or {} if words(sources(role))[name] < 2}
    assert public | internal == set()


@role_parameter
def test_every_part_of_a_plan_is_used(role: pathlib.Path) -> None:
    golden = ROOT / "tests/unit/plugins/plugin_utils/_model/golden"
    parts = {key for path in golden.glob(f"{role.name}-m*imal.yml") for key in load(path)}
    unused = [key for key in parts if not re.search(rf"__{role.name}_plan(\.|', '){key}\b", sources(role))]
    assert unused == []


@role_parameter
def test_only_prefixed_names_are_made(role: pathlib.Path) -> None:
    made = re.findall(r"(?:register|loop_var): (\S+?)[,}\s]", sources(role))
    made += list(load(role / "vars/main.yml") or {})
    assert [name for name in made if not name.startswith(f"__{role.name}_")] == []


@role_parameter
def test_facts_are_read_from_ansible_facts(role: pathlib.Path) -> None:
    bare = re.findall(
        r"\bansible_(?:distribution|os_family|fqdn|hostname|default_ipv[46]|system|service_mgr|python)\w*",
        sources(role),
    )
    assert bare == []


@role_parameter
def test_the_same_files_hold_the_same_verbs(role: pathlib.Path) -> None:
    assert {path.stem for path in (role / "tasks").glob("*.yml")} <= {*VERBS, *PARTS}
    lines = load(role / "tasks/main.yml")
    # What belongs together may stand in a block, with what is done when it fails.
    contents = [task for line in lines for task in [*line.get("block", [line]), *line.get("rescue", [])]]
    table = ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
    assert all(any(word in task for word in table) for task in contents), "tasks/main.yml is a table of contents"


@role_parameter
def test_templates_are_sound(role: pathlib.Path) -> None:
    environment = jinja2.Environment(autoescape=True)
    for template in sorted((role / "templates").rglob("*.j2")):
        environment.parse(template.read_text(), filename=str(template))


@role_parameter
def test_each_role_has_a_scenario_and_a_table_of_refusals(role: pathlib.Path) -> None:
    # The probe is of use where others have deployed a hub and a lab.
    scenario = {"probe": "status"}.get(role.name, role.name)
    assert (ROOT / "molecule" / scenario / "molecule.yml").is_file()
    assert len(load(ROOT / "tests/negative" / f"{role.name}.yml")) >= 10


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_mode_and_no_program_depends_on_the_login(module: pathlib.Path) -> None:
    functions = [node for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)]
    statements = [ast.unparse(node) for node in next(node for node in functions if node.name == "main").body]
    assert "AnsibleModule(" in statements[0]
    assert statements[1].startswith("surroundings.disregard(")
    # A second umask would be a second truth; programs are named, not their places.
    assert "os.umask(" not in module.read_text()


def tasks_of(entries: list[dict]) -> Iterator[dict]:
    """All tasks of a file, also those of blocks."""
    for entry in entries:
        yield entry
        for part in ("block", "rescue", "always"):
            yield from tasks_of(entry.get(part, []))


@role_parameter
def test_every_file_that_a_task_makes_has_a_mode(role: pathlib.Path) -> None:
    without = []
    for path in sorted((role / "tasks").glob("*.yml")):
        for task in tasks_of(load(path)):
            for name, arguments in task.items():
                module = name.removeprefix("ansible.builtin.")
                # A link has no mode of its own.
                makes = module in WRITERS or (module == "file" and arguments["state"] not in ("absent", "link"))
                if makes and not re.fullmatch(r"0[0-7]{3}|\{\{ .*\.mode \}\}", str(arguments.get("mode"))):
                    without.append(f"{path.name}: {task['name']}")
    assert without == []


@role_parameter
def test_programs_of_the_administrator_are_named_with_their_places(role: pathlib.Path) -> None:
    """The PATH of a task is that of the way of becoming root."""
    bare = re.findall(r"argv: .*?[\[' ](runuser|useradd|usermod|nft|nginx|sshd|visudo|sysctl)\b", sources(role))
    assert bare == []


def test_a_bundle_has_the_sources_that_recipes_name() -> None:
    golden = ROOT / "tests/unit/plugins/plugin_utils/_model/golden/jupyterhub-minimal.yml"
    recipes = yaml.safe_load(golden.read_text())["install"]["releases"].values()
    sources = re.search(r"^SOURCES=\((.*)\)$", (ROOT / "script/bundle").read_text(), re.MULTILINE)[1].split()
    assert sources == sorted({name for recipe in recipes for name in recipe["source_packages"]})
