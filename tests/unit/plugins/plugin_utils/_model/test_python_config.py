"""Files of Python beside a configuration: where they are looked for, and what the models make of them."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import python_config
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION
from models import plan, problems

LAB = {"name": "lab", "user": "alice", "token": "0123456789abcdef"}
DIRECTORY = {"jupyterhub": "/etc/jupyterhub/python_config", "jupyterlab": "/etc/jupyterlab/lab/python_config"}
UNIT = {"jupyterhub": "jupyterhub.service", "jupyterlab": "jupyterlab-lab.service"}


def variables(role: str, *paths: str, risks: list[str] | None = None) -> dict[str, Any]:
    """A hub or a lab that is minimal but for its Python."""
    more = {"python_config": list(paths), "accept_risks": risks or []}
    if role == "jupyterlab":
        return {"jupyterlab_instances": [LAB | more]}
    return {"jupyterhub_users": [{"name": "ada"}], **{f"jupyterhub_{name}": value for name, value in more.items()}}


@pytest.fixture
def host(tmp_path: pathlib.Path) -> dict[str, Any]:
    """What Ansible says of a task in the role: its files come first, then those beside the playbook."""
    (tmp_path / "files").mkdir()
    for name in ("files/hooks.py", "forms.py", "listen.py"):
        (tmp_path / name).write_text(f"# {name}")
    (tmp_path / "inventory/files").mkdir(parents=True)
    (tmp_path / "inventory/files/mine.py").write_text("# mine.py")
    return {
        "ansible_search_path": [str(COLLECTION / "roles/jupyterlab"), str(tmp_path)],
        "inventory_dir": str(tmp_path / "inventory"),
    }


@pytest.mark.parametrize("role", DIRECTORY)
def test_the_files_come_in_their_order_and_to_the_unit(role: str, host: dict[str, Any]) -> None:
    made = plan(role, variables(role, "forms.py", "hooks.py", "files/hooks.py", "listen.py", "mine.py"), host)
    [python] = [file["python_config"] for file in made["files"] if "python_config" in file]
    assert {file["name"]: file["content"] for file in python["files"]} == {
        "01-forms.py": "# forms.py",
        "02-hooks.py": "# files/hooks.py",
        "03-hooks.py": "# files/hooks.py",
        "04-listen.py": "# listen.py",
        "05-mine.py": "# mine.py",
    }
    assert python["directory"] == DIRECTORY[role]
    [unit] = [unit for unit in made["units"] if unit["name"] == UNIT[role]]
    given = {name: path for name, path in unit["credentials"].items() if path.startswith(DIRECTORY[role])}
    assert given == {file["name"]: f"{DIRECTORY[role]}/{file['name']}" for file in python["files"]}


@pytest.mark.parametrize("role", DIRECTORY)
def test_a_path_of_its_own_needs_no_search(role: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hooks.py").write_text("x = 1")
    assert problems(role, variables(role, f"{tmp_path}/hooks.py")) == []


@pytest.mark.parametrize("role", DIRECTORY)
def test_a_role_offers_none_of_its_own_files(role: str, host: dict[str, Any]) -> None:
    [problem] = problems(role, variables(role, "nbops_memory.py"), host)
    assert "python_config: 'nbops_memory.py' is no file on the controller" in problem


@pytest.mark.parametrize("role", DIRECTORY)
def test_a_collection_behind_a_link_offers_none_either(role: str, host: dict[str, Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "linked").symlink_to(COLLECTION)
    host["ansible_search_path"][0] = str(tmp_path / "linked/roles/jupyterlab")
    [problem] = problems(role, variables(role, "nbops_memory.py"), host)
    assert "'nbops_memory.py' is no file on the controller" in problem


@pytest.mark.parametrize("role", DIRECTORY)
def test_a_file_in_another_encoding_is_refused_by_its_name(role: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "hooks.py"
    file.write_bytes("# -*- coding: latin-1 -*-\nname = 'Zoë'".encode("latin-1"))
    [problem] = problems(role, variables(role, str(file)))
    assert f"python_config: {file}: 'utf-8' codec can't decode" in problem


@pytest.mark.parametrize("role", DIRECTORY)
def test_an_accepted_risk_guards_nothing(role: str, host: dict[str, Any]) -> None:
    guards = []
    for risks in ([], [python_config.RISK]):
        made = plan(role, variables(role, "hooks.py", risks=risks), host)
        guards.append(made["files"][0]["python_config"].get("guarded"))
    assert guards[0]
    assert guards[1] is None


@pytest.mark.parametrize(
    ("role", "options"),
    [
        (
            "jupyterhub",
            {
                "JupyterHub": "spawner_class authenticator_class bind_url hub_ip services load_roles cleanup_servers",
                "BoundedSystemdSpawner": "account_group servers_group sockets_directory runtime_directory hub_socket "
                "privileged_groups privileged_people cmd environment limits unit_extra_properties "
                "group_overrides args popen_kwargs apply_user_options username_template",
                "ConfigurableHTTPProxy": "api_url auth_token should_start",
                "CryptKeeper": "keys",
            },
        ),
        (
            "jupyterlab",
            {
                "ServerApp": "ip port sock token password allow_origin allow_unauthenticated_access "
                "identity_provider_class cookie_secret_file root_dir trust_xheaders",
                "KernelManager": "transport",
            },
        ),
    ],
)
def test_what_the_security_page_promises_is_guarded(role: str, options: dict[str, str], host: dict[str, Any]) -> None:
    guarded = plan(role, variables(role, "hooks.py"), host)["files"][0]["python_config"]["guarded"]
    for class_name, names in options.items():
        assert set(names.split()) <= set(guarded[class_name])


@pytest.mark.parametrize("name", ["hooks", "hooks.txt", "a hook.py", ".py", "h\n.py"])
def test_a_name_that_is_none_of_a_file_of_python_is_refused(name: str, host: dict[str, Any]) -> None:
    [problem] = problems("jupyterhub", variables("jupyterhub", name), host)
    assert "must name a file of Python" in problem
    assert not pathlib.Path(name).exists()


def test_a_hundred_files_are_too_many(host: dict[str, Any]) -> None:
    assert "at most 99 files" in problems("jupyterhub", variables("jupyterhub", *["hooks.py"] * 100), host)[0]
