"""What becomes of the settings of python_venv. What is refused stands in tests/negative, with its messages."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
from models import plan, problems, require_golden, require_words, secrets

LOCK = (
    "# comment\nsix==1.17.0 ; python_version < '4' \\\n    --hash=sha256:00ff \\\n    --hash=sha256:01ff\n    # via x\n"
)
MAXIMAL = {
    "python_venv_path": "/opt/app",
    "python_venv_packages": ["pandas>=2", "jupyter_server[test]", "six; python_version < '3.14'"],
    "python_venv_refresh": "2026-11",
    "python_venv_python": "/usr/bin/python3.13",
    "python_venv_python_floor": 3.11,
    "python_venv_installer": "pip",
    "python_venv_index_url": "https://user:hunter2@packages.example.org/simple",
    "python_venv_ca_bundle": "/etc/ssl/ca.pem",
    "python_venv_proxy": "socks5h://user:hunter2@proxy:1080",
    "python_venv_npm_registry": "https://mirror.example.org/npm/",
    "python_venv_source_packages": ["Six"],
    "python_venv_setup_network": True,
    "python_venv_keep": "2",
    "python_venv_compress": ["share/static"],
    "python_venv_files": {"share/app/settings.json": "{}", "empty": ""},
    "python_venv_setup_commands": [["bin/python", "-c", "1"]],
    "python_venv_smoke_commands": [["bin/six"]],
    "python_venv_overlay": True,
}


@pytest.fixture
def lock(tmp_path: pathlib.Path) -> str:
    (tmp_path / "lock.txt").write_text(LOCK)
    return str(tmp_path / "lock.txt")


def test_the_plan_of_one_package() -> None:
    minimal = {"python_venv_path": "/opt/app", "python_venv_packages": ["six"]}
    require_golden("python_venv-minimal", plan("python_venv", minimal))


def test_the_plan_of_a_release_that_says_everything(lock: str) -> None:
    require_golden("python_venv-maximal", plan("python_venv", {**MAXIMAL, "python_venv_lock": lock}))


def test_what_makes_no_sense_is_told_in_words(lock: str) -> None:
    require_words("python_venv", {**MAXIMAL, "python_venv_lock": lock})


def test_addresses_stand_apart(lock: str) -> None:
    variables = {**MAXIMAL, "python_venv_lock": lock}
    assert "hunter2" not in json.dumps(plan("python_venv", variables))
    assert secrets("python_venv", variables) == {
        "index_url": MAXIMAL["python_venv_index_url"],
        "proxy": MAXIMAL["python_venv_proxy"],
    }


def test_another_role_needs_no_path_for_them() -> None:
    assert secrets("python_venv", {}) == {"index_url": "", "proxy": ""}


@pytest.mark.parametrize(
    ("release", "installer", "package"),
    [("bookworm", "uv", "python3-pip-whl"), ("jammy", "uv", "python3-venv"), ("bookworm", "pip", "python3-venv")],
)
def test_packages_of_the_system(release: str, installer: str, package: str) -> None:
    variables = {"python_venv_path": "/opt/app", "python_venv_packages": ["six"], "python_venv_installer": installer}
    made = plan("python_venv", variables, {"distribution_release": release})
    assert made["system_packages"] == [package]


def test_nothing_is_needed_to_remove_releases() -> None:
    assert plan("python_venv", {"python_venv_path": "/opt/app", "python_venv_state": "absent"})["system_packages"] == []


@pytest.mark.parametrize("key", ["python_venv_index_url", "python_venv_proxy"])
def test_an_address_with_a_password_is_never_repeated(key: str) -> None:
    (told,) = problems("python_venv", {**MAXIMAL, key: "ftp://user:hunter2@example.org"})
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "changes", [{"keep": 1}, {"path": "/opt"}, {"packages": []}, {"lock": "/none"}, {"python_floor": "2.7"}]
)
def test_what_is_wrong_is_told_once(changes: dict[str, Any]) -> None:
    wrong = {f"python_venv_{name}": value for name, value in changes.items()}
    assert len(problems("python_venv", {**MAXIMAL, **wrong})) == 1
