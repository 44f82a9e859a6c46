"""The program that checks a configuration, run as the module runs it: alone, by the environment's own interpreter."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import config_check

PROGRAM = pathlib.Path(config_check.__file__)


def check(*configs: dict) -> list[list[str]]:
    request = json.dumps({"modules": ["jupyter_server.serverapp"], "configs": configs})
    run = subprocess.run(
        [sys.executable, "-I", PROGRAM], input=request, capture_output=True, text=True, check=True, cwd="/"
    )
    return json.loads(run.stdout)


RIGHT = [
    {},
    {"ServerApp": {"port": 8888, "open_browser": False, "base_url": "/lab/"}},
    {"ServerApp": {"terminado_settings": {"shell_command": ["/bin/bash"]}}},
    {"KernelManager": {"transport": "ipc"}},
    {"MappingKernelManager": {"cull_idle_timeout": 0}},
    {"PasswordIdentityProvider": {"token": ""}},
]
WRONG = [
    ({"ServerApp": {"prot": 8888}}, "ServerApp.prot is not an option here (did you mean port?)"),
    ({"ServerApp": {"port": "8888"}}, "ServerApp.port expects an int, not str"),
    ({"ServerApp": {"open_browser": "no"}}, "ServerApp.open_browser expects a boolean, not str"),
    ({"KernelManager": {"transport": "carrier pigeon"}}, "KernelManager.transport expects any of"),
    ({"SeverApp": {"port": 8888}}, "SeverApp is not a configurable class here (did you mean ServerApp?)"),
    ({"ServerApp": 8888}, "ServerApp must be a mapping of options"),
]


def test_right_configurations_pass() -> None:
    assert check(*RIGHT) == [[] for dummy in RIGHT]


@pytest.fixture(scope="module")
def problems() -> list[list[str]]:
    """What one run says to each wrong configuration; the program takes its time to import a server."""
    return check(*(config for config, dummy in WRONG))


@pytest.mark.xdist_group("config_check")
@pytest.mark.parametrize("number", range(len(WRONG)), ids=[message for dummy, message in WRONG])
def test_wrong_configurations_are_named(problems: list[list[str]], number: int) -> None:
    [problem] = problems[number]
    assert WRONG[number][1] in problem


def test_values_are_not_repeated() -> None:
    assert "hunter2" not in str(
        check({"ServerApp": {"port": "hunter2"}, "PasswordIdentityProvider": {"hunter": "hunter2"}})
    )
