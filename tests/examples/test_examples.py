"""A new user copies an example, writes its vault as README says, and runs the playbook: nothing is refused.

The host is this machine with a shell that answers nothing, so the run ends where the host is asked for the first time.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").iterdir())
VALIDATED = "Validate the input"
ASKED = "Reach the host as root"
# Nothing of this machine is reached, whatever an example says.
NOWHERE = ["--extra-vars", json.dumps({"ansible_connection": "local", "ansible_shell_executable": "/nonexistent/sh"})]


def run(directory: pathlib.Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which(command[0]) or command[0], *command[1:]],
        cwd=directory,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> pathlib.Path:
    """The example, and the vault that its comments ask for, encrypted."""
    directory = tmp_path / "inventory"
    shutil.copytree(ROOT / "examples" / request.param, directory)
    variables = directory / "group_vars" / request.param
    lines = re.findall(r"^#   (vault_\w+: .*)$", (variables / "main.yml").read_text(), re.MULTILINE)
    (tmp_path / "password").write_text("of the vault")
    vault = variables / "vault.yml"
    vault.write_text("\n".join([*lines, ""]))
    # `ansible-vault create` needs a terminal for its editor, and leaves the same file.
    made = run(directory, "ansible-vault", "encrypt", "--vault-password-file", f"{tmp_path}/password", str(vault))
    assert made.returncode == 0, made.stderr
    assert vault.read_text().startswith("$ANSIBLE_VAULT;")
    return directory


def results(directory: pathlib.Path, *more: str) -> dict[str, dict[str, dict]]:
    """What each task said, by its name and host."""
    [group] = yaml.safe_load((directory / "hosts.yml").read_text())
    playbook = f"nbops.jupyter.{group}"
    done = run(directory, "ansible-playbook", "--inventory", "hosts.yml", playbook, "--check", *NOWHERE, *more)
    return {task["task"]["name"]: task["hosts"] for task in json.loads(done.stdout)["plays"][0]["tasks"]}


@pytest.mark.parametrize("copied", EXAMPLES, indirect=True)
def test_an_example_with_its_vault_is_accepted(copied: pathlib.Path) -> None:
    said = results(copied, "--vault-password-file", str(copied.parent / "password"))
    assert list(said)[-1] == ASKED
    assert all(result.get("failed") is not True for result in said[VALIDATED].values()), said[VALIDATED]
    assert all(result["failed"] or result["unreachable"] for result in said[ASKED].values())


@pytest.mark.parametrize("copied", EXAMPLES, indirect=True)
def test_without_its_vault_the_variable_is_named(copied: pathlib.Path) -> None:
    for vault in copied.glob("group_vars/*/vault.yml"):
        vault.unlink()
    [result] = results(copied)[VALIDATED].values()
    assert re.search(r"'vault_\w+' is undefined; define it in the inventory, a secret in a vault there", result["msg"])


@pytest.mark.parametrize("copied", ["jupyterlab"], indirect=True)
def test_a_file_beside_the_directory_that_ansible_does_not_read_is_told(copied: pathlib.Path) -> None:
    (copied / "group_vars/jupyterlab/main.yml").rename(copied / "group_vars/jupyterlab.yml")
    [result] = results(copied, "--vault-password-file", str(copied.parent / "password"))[VALIDATED].values()
    assert "jupyterlab_instances is empty" in result["msg"]
    assert "move the file into it" in result["msg"]


@pytest.mark.parametrize("copied", ["jupyterlab"], indirect=True)
def test_two_hosts_of_one_domain_are_refused(copied: pathlib.Path) -> None:
    (copied / "hosts.yml").write_text("jupyterlab: {hosts: {lab.example.org: , lab2.example.org: }}")
    said = results(copied, "--vault-password-file", str(copied.parent / "password"), "--limit", "lab2.example.org")
    assert list(said) == ["Require a domain of its own for each host"]
    [result] = next(iter(said.values())).values()
    assert "lab.example.org and lab2.example.org are both called lab.example.org" in result["msg"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_first_run_does_not_warn_of_the_python_of_the_host(
    example: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine, with the settings that Ansible has by itself."""
    (tmp_path / "ansible.cfg").touch()
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    ping = ("ansible", "--inventory=hosts.yml", "all", "--module-name=ansible.builtin.ping")
    done = run(ROOT / "examples" / example, *ping, "--extra-vars=ansible_connection=local")
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stderr
    assert "interpreter" not in done.stdout + done.stderr


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/own-machine.md"])
def test_a_page_shows_what_the_example_says(page: str) -> None:
    text = (ROOT / page).read_text()
    for command in (
        "python3 -m venv",
        "pip install",
        "ansible-galaxy collection build",
        "ansible-vault create",
        "ssh ",
    ):
        assert command in text
    order = [text.index(word) for word in ("python3 -m venv", "pip install", "ansible-galaxy", "ansible-vault create")]
    assert order == sorted(order)
    assert "vault_lab_password:" in text
