"""The program that checks a configuration, run as the module runs it: alone, by the environment's own interpreter."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import config_check, python_config

PROGRAM = pathlib.Path(config_check.__file__)


LOADER = pathlib.Path(python_config.__file__).read_text()


def check(*configs: dict) -> list[list[str]]:
    return ask(*({"config": config} for config in configs))


def ask(*entries: dict) -> list[list[str]]:
    request = json.dumps({"modules": ["jupyter_server.serverapp"], "loader": LOADER, "configs": entries})
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


@pytest.mark.parametrize("number", range(len(WRONG)), ids=[message for dummy, message in WRONG])
def test_wrong_configurations_are_named(problems: list[list[str]], number: int) -> None:
    [problem] = problems[number]
    assert WRONG[number][1] in problem


def test_values_are_not_repeated() -> None:
    assert "hunter2" not in str(
        check({"ServerApp": {"port": "hunter2"}, "PasswordIdentityProvider": {"hunter": "hunter2"}})
    )


HOOKS = "/etc/jupyterlab/lab/python_config/01-hooks.py"
GUARDED = {
    "ServerApp": {"ip": "use listen", "allow_.*": "write it in config"},
    "PasswordIdentityProvider": {"(?!.*_hook$).*": "use password"},
    "AsyncMappingKernelManager": {"cull_idle_timeout": "use cull_idle_seconds"},
}
GIVEN = {
    "ServerApp": {"ip": "127.0.0.1", "tornado_settings": {"a": 1}},
    "IdentityProvider": {"token": "hunter2hunter"},
}
FREE = [
    "",
    "c.ServerApp.contents_manager_class = 'jupyter_server.services.contents.filemanager.AsyncFileContentsManager'",
    "c = get_config()\nc.FileContentsManager.pre_save_hook = lambda **named: None",
    "assert c.ServerApp.ip == '127.0.0.1'\nc.ServerApp.extra_static_paths",
    "c.ServerApp.extra_static_paths.append('/srv/pages')\nc.ServerApp.terminado_settings.update({'a': 'b'})",
    "c.ServerApp.ip = '127.0.0.1'",
    "from traitlets import Int\nfrom traitlets.config import Configurable\n"
    "class Mine(Configurable):\n    size = Int().tag(config=True)\nc.Mine.size = 3",
]
KEPT = " is not changed by Python here; "
REFUSED = [
    ("x = 1\nif True print()", f"{HOOKS}, line 2: SyntaxError: "),
    ("x = 1\n\nimport nothing_like_it", f"{HOOKS}, line 3: ModuleNotFoundError: No module named 'nothing_like_it'"),
    ("import json\njson.loads('')", f"{HOOKS}, line 2: JSONDecodeError: "),
    ("raise SystemExit(3)", f"{HOOKS}, line 1: SystemExit: 3"),
    ("c.ServerApp.prot = 1", "ServerApp.prot is not an option here (did you mean port?)"),
    ("c.ServerApp.port = '1'", "ServerApp.port expects an int, not str"),
    ("c.SeverApp.port = 1", "SeverApp is not a configurable class here (did you mean ServerApp?)"),
    ("c.ServerApp.ip = '0.0.0.0'", f"{HOOKS}: ServerApp.ip{KEPT}use listen, or say accept_risks: [x]"),
    ("del c.ServerApp['ip']", f"{HOOKS}: ServerApp.ip{KEPT}use listen"),
    ("c.ServerApp.allow_origin = '*'", f"{HOOKS}: ServerApp.allow_origin{KEPT}write it in config"),
    # The class that says it, and one that inherits it.
    ("c.IdentityProvider.token = ''", f"{HOOKS}: IdentityProvider.token{KEPT}use password"),
    ("c.MappingKernelManager.cull_idle_timeout = 0", f"MappingKernelManager.cull_idle_timeout{KEPT}use cull"),
]


def with_python(*texts: str) -> dict:
    drop_ins = [(HOOKS.replace("01", f"{number:02}"), text) for number, text in enumerate(texts, 1)]
    return {"config": GIVEN, "drop_ins": drop_ins, "guarded": GUARDED, "unless": "accept_risks: [x]"}


def test_python_may_say_what_is_not_guarded() -> None:
    assert ask(*map(with_python, FREE)) == [[] for dummy in FREE]


@pytest.fixture(scope="module")
def refusals() -> list[list[str]]:
    return ask(*(with_python(text) for text, dummy in REFUSED))


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[message for dummy, message in REFUSED])
def test_wrong_python_is_refused(refusals: list[list[str]], number: int) -> None:
    [problem] = refusals[number]
    assert REFUSED[number][1] in problem
    assert "hunter2" not in problem


def test_an_override_is_told_with_the_file_that_makes_it() -> None:
    [[problem]] = ask(with_python("", "c.ServerApp.ip = '::'", "x = c.ServerApp.ip"))
    assert problem.startswith(HOOKS.replace("01", "02"))


def test_a_change_of_a_value_in_place_is_one() -> None:
    entry = with_python("c.ServerApp.tornado_settings['a'] = 2")
    assert "ServerApp.tornado_settings" in str(ask({**entry, "guarded": {"ServerApp": {"tornado_.*": "no"}}}))


def test_without_a_guard_python_may_say_everything() -> None:
    assert ask({**with_python("c.ServerApp.ip = '::'"), "guarded": {}}) == [[]]
