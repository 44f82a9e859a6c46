"""The module with an nginx that accepts or refuses files, fails to load them, or was interrupted."""

from __future__ import annotations

import concurrent.futures
import grp
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import alone
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.files import TargetFile
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.service import NginxError
from ansible_collections.nbops.jupyter.plugins.modules import nginx_config

SITE, PASSWORDS = "conf.d/a.conf", "passwords"


class Nginx:
    """Accepts and loads every file, unless a test gives a reason why not."""

    refuses = ""
    fails = ""
    runs = True
    validated: list[list[str]]
    loads: list[dict[str, str]]
    directory: pathlib.Path

    def __init__(self, *_arguments: Any) -> None:
        pass

    def validate(self, _directory: str, files: Sequence[TargetFile], _logs: Iterable[str]) -> str:
        self.validated.append([file.name for file in files])
        if self.refuses:
            raise NginxError(self.refuses)
        return "/var/log/nginx/error.log"

    def master(self) -> int:
        return int(self.runs)

    def reload(self, _error_log: str) -> bool:
        if self.fails:
            raise NginxError(self.fails)
        self.loads.append(texts(self.directory))
        return self.runs


@pytest.fixture
def etc(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "nginx" / "conf.d").mkdir(parents=True)
    return tmp_path / "nginx"


@pytest.fixture
def nginx(tmp_path: pathlib.Path, etc: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> type[Nginx]:
    kind = type("NginxOfThisTest", (Nginx,), {"validated": [], "loads": [], "directory": etc})
    monkeypatch.setattr(nginx_config, "Nginx", kind)
    monkeypatch.setattr(nginx_config, "PENDING", str(tmp_path / "pending"))
    monkeypatch.setattr(nginx_config, "HOST", str(tmp_path / "lock"))
    monkeypatch.setattr(nginx_config.AnsibleModule, "get_bin_path", lambda *_arguments, **_options: "/usr/sbin/nginx")
    return kind


@pytest.fixture
def run(etc: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def call(**more: Any) -> dict[str, Any]:
        group = grp.getgrgid(os.getgid()).gr_name
        with (
            patch_module_args({"directory": f"{etc}/", "mark": "mark", "private_group": group, **more}),
            pytest.raises(SystemExit),
        ):
            nginx_config.main()
        return json.loads(capsys.readouterr().out)

    return call


def texts(directory: pathlib.Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def test_check_mode_predicts_what_the_next_run_does(nginx, run, etc):
    wanted = {"files": {SITE: "mark 1"}, "private_files": {PASSWORDS: "mark ada:hash"}}
    predicted = run(_ansible_check_mode=True, **wanted)
    assert (texts(etc), nginx.loads) == ({}, [])
    done = run(**wanted)
    assert {**done, "invocation": {}} == {**predicted, "invocation": {}}
    assert (done["changed"], done["changed_files"], done["reloaded"]) == (True, [SITE, PASSWORDS], True)
    assert nginx.loads == [{SITE: "mark 1", PASSWORDS: "mark ada:hash"}]
    assert nginx.validated == [[SITE, PASSWORDS]] * 2
    again = run(**wanted)
    assert (again["changed"], again["changed_files"], again["reloaded"], again["diff"]) == (False, [], False, [])
    assert len(nginx.loads) == 1


def test_two_runs_at_once_write_one_after_the_other(nginx, run, etc):
    """Each would else take the other's mark of an interrupted run away."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with alone(nginx_config.HOST):
            other = pool.submit(run, files={SITE: "mark 1"})
            assert not concurrent.futures.wait([other], timeout=0.5).done
            assert (texts(etc), nginx.loads) == ({}, [])
        assert other.result(timeout=30)["changed"]


def test_a_diff_shows_files_and_no_private_ones(nginx, run, etc):
    run(files={SITE: "mark 1"}, private_files={PASSWORDS: "mark ada:hash"})
    removed = run(files={SITE: None}, private_files={PASSWORDS: None})
    assert removed["changed_files"] == [SITE, PASSWORDS]
    header = f"{etc}/{SITE}"
    assert removed["diff"] == [{"before_header": header, "after_header": header, "before": "mark 1", "after": ""}]
    assert "hash" not in json.dumps(removed)


@pytest.mark.parametrize("mode", [0o666, 0o600])
def test_a_file_with_the_right_text_and_an_unsafe_mode_is_written_again(nginx, run, etc, mode):
    run(files={SITE: "mark"})
    (etc / SITE).chmod(mode)
    assert run(files={SITE: "mark"})["changed"] == (mode == 0o666)


def test_refused_files_change_nothing(nginx, run, etc):
    nginx.refuses = "unknown directive"
    assert run(files={SITE: "mark"})["msg"] == "unknown directive\nNothing was changed."
    assert (texts(etc), nginx.loads) == ({}, [])


def test_files_that_fail_to_load_are_as_before(nginx, run, etc, tmp_path):
    run(files={SITE: "mark 1"}, private_files={PASSWORDS: "mark ada:hash"})
    nginx.fails = "bind() failed"
    failed = run(files={SITE: "mark 2", "conf.d/b.conf": "mark"}, private_files={PASSWORDS: None})
    assert failed["msg"] == "nginx keeps its old configuration, and the files are as they were: bind() failed"
    assert texts(etc) == {SITE: "mark 1", PASSWORDS: "mark ada:hash"}
    assert (etc / PASSWORDS).stat().st_mode & 0o777 == 0o640
    assert not (tmp_path / "pending").exists()


def test_an_interrupted_run_is_completed(nginx, run, etc, tmp_path):
    run(files={SITE: "mark"})
    (tmp_path / "pending").touch()
    assert run(files={SITE: "mark"}, _ansible_check_mode=True)["changed"]
    nginx.fails = "bind() failed"
    assert run(files={SITE: "mark"})["failed"]
    nginx.fails = ""
    assert [run(files={SITE: "mark"})["changed"] for dummy in range(2)] == [True, False]
    assert nginx.loads == [{SITE: "mark"}] * 2


def test_a_stopped_nginx_counts_as_changed_and_not_reloaded(nginx, run):
    nginx.runs = False
    for mode in True, False:
        result = run(files={SITE: "mark"}, _ansible_check_mode=mode)
        assert (result["changed"], result["reloaded"]) == (True, False)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({SITE: "text"}, f"The text for {SITE} lacks the mark 'mark'."),
        ({"conf.d/theirs.conf": "mark"}, "conf.d/theirs.conf is somebody else's: it lacks the text 'mark'."),
        ({"conf.d/theirs.conf": None}, "conf.d/theirs.conf is somebody else's: it lacks the text 'mark'."),
        ({"../a.conf": "mark"}, "'../a.conf' is not the path of a file below "),
        ({"/a.conf": "mark"}, "'/a.conf' is not the path of a file below "),
        ({"conf.d//a.conf": "mark"}, "'conf.d//a.conf' is not the path of a file below "),
    ],
)
def test_a_file_that_cannot_be_ours_is_refused(nginx, run, etc, files, message):
    (etc / "conf.d/theirs.conf").write_bytes(b"theirs \xff")
    failed = run(files=files)
    assert message in failed["msg"]
    assert failed["msg"].endswith("\nNothing was changed.")
    assert [path.name for path in etc.rglob("*.conf")] == ["theirs.conf"]
    assert nginx.loads == []


def test_a_missing_group_is_an_error_except_in_check_mode(nginx, run):
    wanted = {"private_files": {PASSWORDS: "mark"}, "private_group": "nobody-here"}
    assert run(_ansible_check_mode=True, **wanted)["changed"]
    assert run(**wanted)["msg"] == "There is no group nobody-here on this host.\nNothing was changed."


def test_in_check_mode_nginx_is_not_asked_while_a_required_file_is_missing(nginx, run, tmp_path):
    wanted = {"files": {SITE: "mark"}, "requires": [str(tmp_path / "certificate")]}
    assert run(_ansible_check_mode=True, **wanted)["changed"]
    assert nginx.validated == []
    (tmp_path / "certificate").touch()
    run(_ansible_check_mode=True, **wanted)
    assert nginx.validated == [[SITE]]


def test_a_public_log_is_protected_without_a_reload(nginx, run, tmp_path):
    log = tmp_path / "access.log"
    assert run(logs=[str(log)], _ansible_check_mode=True)["changed"]
    assert not log.exists()
    result = run(logs=[str(log)])
    assert (result["changed"], result["reloaded"]) == (True, False)
    assert log.stat().st_mode & 0o777 == 0o640
    assert not run(logs=[str(log)])["changed"]
    assert nginx.loads == []
