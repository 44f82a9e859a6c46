"""A fail2ban that accepts or refuses a jail, fails, or was interrupted; nginx_protection has the real one."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import fail2ban_jail

MARK = "written by a test"
JAIL = {"name": "door", "mark": MARK, "filter": f"# {MARK}\nfilter", "jail": f"# {MARK}\njail"}
FILES = ["filter.d/door.conf", "jail.d/door.conf"]


class Fail2ban(fail2ban_jail.Fail2ban):
    """Accepts every jail, unless a test gives a reason why not."""

    refuses = ""
    fails = ""
    jails: set[str]

    def has(self, jail: str) -> bool:
        return jail in self.jails

    def validate(self, _texts: dict[str, str | None]) -> None:
        if self.refuses:
            raise fail2ban_jail.Fail2banError(self.refuses)

    def load(self, jail: str) -> None:
        if self.fails:
            raise fail2ban_jail.Fail2banError(self.fails)
        self.jails.add(jail)

    def unload(self, jail: str) -> None:
        self.jails.discard(jail)


@pytest.fixture
def fail2ban(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> type[Fail2ban]:
    kind = type("Fail2banOfThisTest", (Fail2ban,), {"jails": set()})
    monkeypatch.setattr(fail2ban_jail, "Fail2ban", kind)
    monkeypatch.setattr(fail2ban_jail.AnsibleModule, "get_bin_path", lambda *_arguments, **_options: "/bin/client")
    monkeypatch.setattr(fail2ban_jail, "DIRECTORY", str(tmp_path))
    monkeypatch.setattr(fail2ban_jail, "RUNTIME_DIRECTORY", str(tmp_path))
    return kind


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def call(**more: Any) -> dict[str, Any]:
        with patch_module_args({**JAIL, **more}), pytest.raises(SystemExit):
            fail2ban_jail.main()
        return json.loads(capsys.readouterr().out)

    return call


def texts(directory: pathlib.Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def test_a_jail_is_loaded_once_and_removed_once(fail2ban, run, tmp_path):
    assert run(_ansible_check_mode=True)["changed"]
    assert texts(tmp_path) == {}
    assert [run()["changed"], run()["changed"]] == [True, False]
    assert texts(tmp_path) == dict(zip(FILES, (JAIL["filter"], JAIL["jail"]), strict=True))
    assert fail2ban.jails == {"door"}
    assert [run(state="absent")["changed"], run(state="absent")["changed"]] == [True, False]
    assert texts(tmp_path) == {}
    assert fail2ban.jails == set()


def test_a_refused_jail_changes_nothing(fail2ban, run, tmp_path):
    fail2ban.refuses = "no such filter"
    assert "no such filter" in run()["msg"]
    assert texts(tmp_path) == {}


@pytest.mark.parametrize("before", [True, False])
def test_a_jail_that_fails_to_load_leaves_everything_as_it_was(fail2ban, run, tmp_path, before):
    if before:
        run()
    was = texts(tmp_path)
    fail2ban.fails = "no such log"
    assert "no such log" in run(jail=f"# {MARK}\nother")["msg"]
    assert texts(tmp_path) == was
    assert fail2ban.jails == ({"door"} if before else set())
    fail2ban.fails = ""
    assert run(jail=f"# {MARK}\nother")["changed"]


def test_an_interrupted_run_is_completed(fail2ban, run, tmp_path):
    run()
    (tmp_path / "fail2ban-jail-door.pending").touch()
    assert [run()["changed"], run()["changed"]] == [True, False]


def test_a_jail_that_somebody_stopped_is_loaded_again(fail2ban, run):
    run()
    fail2ban.jails.clear()
    assert [run()["changed"], run()["changed"]] == [True, False]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_of_somebody_else_is_left(fail2ban, run, tmp_path, file, state):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text("mine")
    assert f"{file} is somebody else's" in run(state=state)["msg"]
    assert texts(tmp_path) == {file: "mine"}


@pytest.mark.parametrize("wrong", [{"name": "../door"}, {"filter": "unmarked"}, {"jail": "unmarked"}])
def test_wrong_options_write_nothing(fail2ban, run, tmp_path, wrong):
    assert run(**wrong)["failed"]
    assert texts(tmp_path) == {}
