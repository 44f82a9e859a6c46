"""Files are written when their environment accepts them; its interpreter is a script that knows one option."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._process import surroundings
from ansible_collections.nbops.jupyter.plugins.modules import jupyter_config

RIGHT = {"ServerApp": {"port": 8888}}
WRONG = {"ServerApp": {"prot": 8888}}
# Answers like config_check, which has tests of its own, and leaves a directory behind like jupyter_core.
INTERPRETER = """#!/usr/bin/python3 -IS
import json, os, sys, tempfile
os.environ["JUPYTER_NO_CONFIG"] and tempfile.mkdtemp(prefix="jupyter-clean-cfg-")
entries = json.load(sys.stdin)["configs"]
configs = [entry["config"] for entry in entries]
bad = [path for entry in entries for path, text in entry["drop_ins"] if "wrong" in text]
if bad:
    print(json.dumps([[f"{bad[0]}, line 1: NameError: argon2:secret wrong"]]))
    sys.exit()
guards = [(path, text, option) for entry in entries for path, text in entry["drop_ins"]
          for options in entry["guarded"].values() for option in options]
bad = [f"{path}: {option} is not changed by Python here" for path, text, option in guards if f".{option} =" in text]
if bad:
    print(json.dumps([bad]))
    sys.exit()
print(json.dumps([["ServerApp.prot is not an option here"] if "prot" in str(config) else [] for config in configs]))
"""
SECRETS = {"PasswordIdentityProvider": {"hashed_password": "argon2:secret"}}


class Host:
    """A directory for files, and an environment with an interpreter behind a link, as a release has it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.file = root, root / "etc/config.json"
        environment = root / "current"
        (environment / "bin").mkdir(parents=True)
        self.python = environment / "bin/python"
        self.python.write_text(INTERPRETER)
        self.python.chmod(0o755)

    def entry(self, config: dict, **more: Any) -> dict[str, Any]:
        modules = ["jupyter_server.serverapp"]
        return {"path": str(self.file), "python": str(self.python), "modules": modules, "config": config, **more}

    def replace_environment(self) -> None:
        """Gives the environment a later time than the file."""
        later = self.file.stat().st_mtime + 10
        os.utime(self.python.parent.parent, (later, later))


@pytest.fixture
def strict_umask() -> Iterator[None]:
    umask = os.umask(0o027)
    yield
    os.umask(umask)


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def module(*files: dict, check: bool = False, **arguments: Any) -> dict[str, Any]:
        given = {"files": list(files), "_ansible_check_mode": check, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit):
            jupyter_config.main()
        return json.loads(capsys.readouterr().out)

    return module


def test_an_accepted_file_is_written_once(host: Host, run: Callable[..., dict]) -> None:
    entry = host.entry(RIGHT, mode="0640")
    predicted = run(entry, check=True)
    assert predicted["changed_files"] == [str(host.file)]
    assert not host.file.exists()
    written = run(entry)
    assert (written["changed_files"], written["diff"]) == (predicted["changed_files"], predicted["diff"])
    assert json.loads(host.file.read_text()) == RIGHT
    assert host.file.stat().st_mode & 0o777 == 0o640
    assert not run(entry)["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_one_wrong_file_refuses_all(host: Host, run: Callable[..., dict], check: bool) -> None:
    result = run(host.entry(RIGHT), host.entry(WRONG, path=str(host.root / "wrong.json")), check=check)
    assert result["failed"]
    assert result["msg"] == (
        "The configuration was refused and nothing was written. "
        f"{host.root}/wrong.json: ServerApp.prot is not an option here"
    )
    assert not host.file.exists()


def test_a_file_is_checked_again_when_its_environment_was_replaced(host: Host, run: Callable[..., dict]) -> None:
    host.file.parent.mkdir()
    host.file.write_text(jupyter_config.rendered(WRONG))
    os.utime(host.file, (host.file.stat().st_mtime + 5,) * 2)
    assert not run(host.entry(WRONG)).get("failed")
    host.replace_environment()
    assert "ServerApp.prot" in run(host.entry(WRONG))["msg"]


def test_a_repeated_check_is_noted_and_changes_nothing(host: Host, run: Callable[..., dict]) -> None:
    run(host.entry(RIGHT))
    os.utime(host.file, (1, 1))
    assert not run(host.entry(RIGHT), check=True)["changed"]
    assert host.file.stat().st_mtime == 1
    assert not run(host.entry(RIGHT))["changed"]
    assert host.file.stat().st_mtime > 1


def test_secrets_reach_the_file_and_nothing_else(host: Host, run: Callable[..., dict]) -> None:
    result = run(host.entry(RIGHT), secrets={str(host.file): SECRETS})
    assert json.loads(host.file.read_text()) == {**RIGHT, **SECRETS}
    assert "argon2" not in json.dumps(result)
    assert "(hidden)" in result["diff"][0]["after"]
    changed = run(host.entry({"ServerApp": {"port": 8889}}), secrets={str(host.file): SECRETS})
    assert "(hidden)" in changed["diff"][0]["before"]


@pytest.mark.parametrize("python", ["missing", None])
def test_check_mode_predicts_without_an_environment(host: Host, run: Callable[..., dict], python: str | None) -> None:
    result = run(host.entry(WRONG, python=python and str(host.root / python)), check=True)
    assert result["changed_files"] == [str(host.file)]


def test_a_missing_environment_fails(host: Host, run: Callable[..., dict]) -> None:
    assert run(host.entry(RIGHT, python=str(host.root / "missing")))["failed"]
    assert not host.file.exists()


def test_a_check_leaves_no_temporary_files(
    host: Host, run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert run(host.entry(RIGHT))["changed"]
    assert list(temporary.iterdir()) == []


def test_shadowing_files_are_reported(host: Host, run: Callable[..., dict], warnings: list[str]) -> None:
    for name in ("jupyter_server_config.py", "jupyter_notebook_config.json", "notes.txt"):
        (host.root / name).touch()
    result = run(shadows=[str(host.root)])
    expected = [f"{host.root}/jupyter_notebook_config.json", f"{host.root}/jupyter_server_config.py"]
    assert result["shadows"] == expected
    assert [path in text for path, text in zip(expected, warnings, strict=True)] == [True, True]


@pytest.mark.usefixtures("strict_umask")
def test_new_directories_are_open_under_a_strict_umask(run: Callable[..., dict], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "jupyterhub/singleuser/config.json"
    run({"path": str(path), "config": {}, "mode": "0644"})
    assert {oct(place.stat().st_mode & 0o777) for place in path.parents[:2]} == {"0o755"}
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("level", [0, 1])
def test_a_directory_that_keeps_people_out_is_told(
    run: Callable[..., dict], tmp_path: pathlib.Path, level: int, check: bool
) -> None:
    """Their servers would run without the configuration."""
    path = tmp_path / "jupyterhub/singleuser/config.json"
    path.parent.mkdir(parents=True)
    for place in path.parents[:2]:
        place.chmod(0o755)
    closed = path.parents[level]
    closed.chmod(0o750)
    result = run({"path": str(path), "config": {}, "mode": "0644"}, check=check)
    assert f"{closed} is closed to the people whose servers read {path}" in result["msg"]
    assert not path.exists()
    # What only root reads may be there.
    assert not run({"path": str(path), "config": {}, "mode": "0600"}, check=check).get("failed")
    closed.chmod(0o755)
    assert not run({"path": str(path), "config": {}, "mode": "0644"}, check=check).get("failed")


KEPT = {"option": "JupyterHub.bind_url", "units": "jupyterhub-user-*.service", "variable": "jupyterhub_base_url"}


def hub_at(url: str) -> dict[str, Any]:
    return {"config": {"JupyterHub": {"bind_url": url}}, "kept_path": KEPT}


@pytest.mark.parametrize("check", [True, False])
def test_a_path_stays_while_servers_run_at_it(
    host: Host, run: Callable[..., dict], monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    systemctl, running = host.root / "systemctl", host.root / "running"
    systemctl.write_text(f'#!/bin/sh\n[ "$6" = "jupyterhub-user-*.service" ] && cat {running}\n')
    systemctl.chmod(0o755)
    monkeypatch.setattr(surroundings, "DIRECTORIES", (str(host.root), *surroundings.DIRECTORIES))
    running.write_text("jupyterhub-user-ada.service loaded active running Ada\n")
    # There was no hub yet, so nothing runs at another path.
    assert run(host.entry(**hub_at("http://127.0.0.1:8000/")))["changed"]
    assert run(host.entry(**hub_at("http://127.0.0.1:8010/")))["changed"]
    before = host.file.read_text()
    told = run(host.entry(**hub_at("http://127.0.0.1:8010/physics/")), check=check)
    assert told["failed"]
    assert told["msg"].startswith("jupyterhub_base_url cannot change from / to /physics/ while servers run")
    assert "jupyterhub-user-ada.service" in told["msg"]
    assert host.file.read_text() == before
    running.write_text("")
    assert run(host.entry(**hub_at("http://127.0.0.1:8010/physics/")), check=check)["changed"]


def python(host: Host, **texts: str) -> dict[str, Any]:
    """The entry's part about Python, of texts by the names of files without their ends."""
    files = [{"name": f"0{number}-{name}.py", "content": text} for number, (name, text) in enumerate(texts.items(), 1)]
    return {"directory": str(host.root / "etc/python_config"), "files": files, "guarded": {"ServerApp": {"ip": "no"}}}


def texts_in(directory: pathlib.Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()} if directory.exists() else {}


def test_python_comes_and_changes_with_its_configuration(host: Host, run: Callable[..., dict]) -> None:
    directory, entry = host.root / "etc/python_config", host.entry(RIGHT)
    two = {**entry, "python_config": python(host, hooks="x = 1", more="x = 2")}
    predicted = run(two, check=True)
    assert texts_in(directory) == {}
    written = run(two)
    assert written["changed_files"] == predicted["changed_files"]
    assert written["changed_files"] == [str(host.file), f"{directory}/01-hooks.py", f"{directory}/02-more.py"]
    assert texts_in(directory) == {"01-hooks.py": "x = 1", "02-more.py": "x = 2"}
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    again = run(two)
    assert not again["changed"]
    assert again["unlisted"] == []
    changed = run({**entry, "python_config": python(host, hooks="x = 3", more="x = 2")})
    assert [(one["before"], one["after"]) for one in changed["diff"]] == [("x = 1", "x = 3")]


def test_python_that_is_not_listed_any_more_stays_for_the_unit_that_runs(host: Host, run: Callable[..., dict]) -> None:
    """Cut off before the units are written, a run must not leave a server that cannot start again."""
    directory, entry = host.root / "etc/python_config", host.entry(RIGHT)
    run({**entry, "python_config": python(host, hooks="x = 1", more="x = 2")})
    other = run({**entry, "python_config": python(host, more="x = 3")})
    assert texts_in(directory) == {"01-hooks.py": "x = 1", "01-more.py": "x = 3", "02-more.py": "x = 2"}
    assert other["unlisted"] == [f"{directory}/01-hooks.py", f"{directory}/02-more.py"]
    for check in (True, False):
        none = run({**entry, "python_config": python(host)}, check=check)
        assert not none["changed"]
        assert none["unlisted"] == [str(directory)]
    shutil.rmtree(directory)
    assert run({**entry, "python_config": python(host)})["unlisted"] == []


def test_python_is_judged_anew_when_a_risk_is_not_accepted_any_more(host: Host, run: Callable[..., dict]) -> None:
    overriding = python(host, hooks='c.ServerApp.ip = "192.0.2.1"')
    entry = {**host.entry(RIGHT), "python_config": {**overriding, "guarded": {}}}
    assert run(entry)["changed"]
    written = host.file.stat().st_mtime_ns
    assert not run(entry)["changed"]
    refused = run({**entry, "python_config": overriding})
    assert "01-hooks.py: ip is not changed by Python here" in refused["msg"]
    # Judged alone, a file stays as old as it is: services restart for newer ones.
    judged = {**entry, "python_config": {**overriding, "guarded": {"ServerApp": {"port": "no"}}}}
    assert not run(judged)["changed"]
    assert host.file.stat().st_mtime_ns == written


def test_a_directory_beside_python_stays(host: Host, run: Callable[..., dict]) -> None:
    """Such as what Python itself makes where somebody compiled a file."""
    entry = {**host.entry(RIGHT), "python_config": python(host, hooks="x = 1")}
    run(entry)
    (host.root / "etc/python_config/__pycache__").mkdir()
    again = run(entry)
    assert not again["changed"]
    assert again["unlisted"] == []
    none = run({**entry, "python_config": python(host)})
    assert none["unlisted"] == [str(host.root / "etc/python_config/01-hooks.py")]


@pytest.mark.parametrize("check", [True, False])
def test_wrong_python_leaves_the_old(host: Host, run: Callable[..., dict], check: bool) -> None:
    """Its message may repeat a secret of the configuration, which it has read."""
    run({**host.entry(RIGHT), "python_config": python(host, hooks="x = 1")})
    entry = {**host.entry({"ServerApp": {"port": 1}}), "python_config": python(host, hooks="wrong")}
    result = run(entry, secrets={str(host.file): SECRETS}, check=check)
    directory = host.root / "etc/python_config"
    assert f"nothing was written. {directory}/01-hooks.py, line 1: NameError: " in result["msg"]
    assert "argon2:secret" not in json.dumps(result)
    assert texts_in(directory) == {"01-hooks.py": "x = 1"}
    assert json.loads(host.file.read_text()) == RIGHT


def test_python_that_ends_the_check_is_refused(host: Host, run: Callable[..., dict]) -> None:
    host.python.write_text("#!/bin/sh\necho ended >&2\n")
    assert "cannot check the configuration: ended" in run(host.entry(RIGHT))["msg"]
