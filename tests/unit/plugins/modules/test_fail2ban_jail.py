"""A fail2ban that accepts or refuses a jail, fails, or was interrupted; nginx_protection has the real one."""

from __future__ import annotations

import contextlib
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


# The program: how its answers are read


def client(answers: dict[str, list[tuple[int, str, str]]]) -> tuple[fail2ban_jail.Fail2ban, list[str]]:
    """A fail2ban whose commands, told by their second word, give one answer after the other, and what it was asked."""
    asked: list[str] = []

    def run(argv: list[str]) -> tuple[int, str, str]:
        asked.append(" ".join(argv))
        return answers[argv[1]].pop(0)

    return fail2ban_jail.Fail2ban(run, "client"), asked


YES, NO = (0, "", ""), (1, "", "no\n")


def test_a_running_fail2ban_reloads_only_the_jail() -> None:
    fail2ban, asked = client({"ping": [YES], "reload": [YES], "status": [YES]})
    fail2ban.load("door")
    assert asked == ["client ping", "client reload --if-exists door", "client status door"]


@pytest.mark.parametrize(("reload", "status"), [(NO, YES), ((0, "no\n", ""), NO)])
def test_a_jail_that_does_not_come_up_is_an_error(reload: tuple, status: tuple) -> None:
    fail2ban, _asked = client({"ping": [YES], "reload": [reload], "status": [status]})
    with pytest.raises(fail2ban_jail.Fail2banError, match=r"^no$"):
        fail2ban.load("door")


def test_a_stopped_fail2ban_is_started_and_awaited() -> None:
    fail2ban, asked = client({"ping": [NO], "start": [YES], "status": [NO, NO, YES], "is-active": [YES, YES]})
    fail2ban.load("door")
    assert asked[1] == "systemctl start fail2ban.service"
    assert asked[-1] == "client status door"


@pytest.mark.parametrize(("active", "seconds"), [(NO, 30), (YES, 0)])
def test_a_fail2ban_that_does_not_come_up_shows_its_journal(
    monkeypatch: pytest.MonkeyPatch, active: tuple, seconds: int
) -> None:
    monkeypatch.setattr(fail2ban_jail, "START_SECONDS", seconds)
    journal = {"--unit=fail2ban.service": [(0, "have no log\n", "")]}
    fail2ban, _asked = client({"ping": [NO], "start": [YES], "status": [NO], "is-active": [active], **journal})
    with pytest.raises(fail2ban_jail.Fail2banError, match=r"^have no log$"):
        fail2ban.load("door")


def test_only_a_loaded_jail_is_stopped() -> None:
    fail2ban, asked = client({"status": [YES], "stop": [NO]})
    with pytest.raises(fail2ban_jail.Fail2banError, match=r"^no$"):
        fail2ban.unload("door")
    fail2ban, asked = client({"status": [NO]})
    fail2ban.unload("door")
    assert asked == ["client status door"]


@pytest.mark.parametrize("accepted", [True, False])
def test_a_jail_is_tested_in_a_copy_of_the_configuration(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, accepted: bool
) -> None:
    monkeypatch.setattr(fail2ban_jail, "DIRECTORY", str(tmp_path))
    (tmp_path / "jail.d").mkdir()
    (tmp_path / "jail.d/theirs.conf").write_text("theirs")
    seen = {}

    def run(argv: list[str]) -> tuple[int, str, str]:
        seen.update(texts(pathlib.Path(argv[argv.index("-c") + 1])))
        return YES if accepted else NO

    with contextlib.nullcontext() if accepted else pytest.raises(fail2ban_jail.Fail2banError, match=r"^no$"):
        fail2ban_jail.Fail2ban(run, "client").validate({"jail.d/door.conf": "ours"})
    assert seen == {"jail.d/door.conf": "ours", "jail.d/theirs.conf": "theirs"}
    assert texts(tmp_path) == {"jail.d/theirs.conf": "theirs"}
