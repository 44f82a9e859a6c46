"""What nginx answers to a test and to a reload; the scenario nginx has the real one."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx import service
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.files import TargetFile
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.service import Nginx, NginxError

Answer = tuple[int, str, str]
CLASH = 'nginx: [warn] conflicting server name "a.org" on 0.0.0.0:80, ignored\n'


class Program:
    """Plays the nginx that is started in a mount namespace: it reads every file that is not a draft in a directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.seen: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, str]], Answer] = lambda _files: (0, "", "")
        self.extra = ""

    def __call__(self, argv: list[str]) -> Answer:
        words = argv[argv.index("sh", 3) + 1 : argv.index("--")]
        place = pathlib.Path(dict(zip(words[::2], words[1::2])).get(str(self.directory), self.directory))
        files = {path.name: path.read_text() for path in sorted(place.glob("*.conf"))}
        self.seen.append(files)
        rc, _out, messages = self.answer(files)
        dump = "".join(f"# configuration file {self.directory}/{name}:\n{text}\n" for name, text in files.items())
        return rc, self.extra + dump, messages


@pytest.fixture
def program(tmp_path: pathlib.Path) -> Program:
    (tmp_path / "conf.d").mkdir()
    return Program(tmp_path / "conf.d")


def validate(program: Program, *files: TargetFile, logs: tuple[str, ...] = ()) -> str:
    return Nginx(program, "/usr/sbin/nginx").validate(str(program.directory.parent), files, logs)


def test_nginx_tests_the_files_as_they_shall_be_and_the_disk_stays_as_it_is(program: Program) -> None:
    for name in "theirs.conf", "changed.conf", "gone.conf":
        (program.directory / name).write_text("old")
    validate(
        program,
        TargetFile("conf.d/changed.conf", b"new"),
        TargetFile("conf.d/more.conf", b"more"),
        TargetFile("conf.d/gone.conf", None),
        TargetFile("pages/a.html", b"page"),
    )
    assert program.seen == [{"theirs.conf": "old", "changed.conf": "new", "more.conf": "more"}]
    assert {path.read_text() for path in program.directory.iterdir()} == {"old"}


def test_a_refusal_says_why(program: Program) -> None:
    program.answer = lambda _files: (1, "", "nginx: [emerg] unknown directive\n")
    with pytest.raises(NginxError, match=r"^nginx refuses the configuration:\nnginx: \[emerg\] unknown directive$"):
        validate(program, TargetFile("conf.d/a.conf", b""))


@pytest.mark.parametrize(
    ("name", "message"),
    [("sites/a.conf", r"/sites does not exist: this nginx keeps"), ("other/a.conf", r"does not include \S+/other/\*")],
)
def test_a_file_that_nginx_would_not_include_is_refused(
    program: Program, tmp_path: pathlib.Path, name: str, message: str
) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(NginxError, match=message):
        validate(program, TargetFile(name, b""))


@pytest.mark.parametrize("before", [True, False])
def test_only_a_new_conflict_of_names_is_refused(program: Program, before: bool) -> None:
    program.answer = lambda files: (0, "", CLASH if before or "a.conf" in files else "")
    if before:
        validate(program, TargetFile("conf.d/a.conf", b""))
    else:
        with pytest.raises(NginxError, match=r'same name. nginx says: conflicting server name "a.org" on 0.0.0.0:80$'):
            validate(program, TargetFile("conf.d/a.conf", b""))


@pytest.mark.parametrize(
    ("main", "log"),
    [
        ("", "/var/log/nginx/error.log"),
        ("error_log syslog:server=unix:/dev/log;\nerror_log /srv/error.log warn;\n", "/srv/error.log"),
        ("# error_log /srv/commented.log;\n", "/var/log/nginx/error.log"),
    ],
)
def test_the_error_log_is_the_one_that_the_configuration_names(program: Program, main: str, log: str) -> None:
    program.extra = f"# configuration file /etc/nginx/nginx.conf:\n{main}"
    assert validate(program, TargetFile("conf.d/a.conf", b"")) == log


@pytest.mark.parametrize("refused", [True, False])
def test_logs_that_the_test_creates_are_removed(program: Program, tmp_path: pathlib.Path, refused: bool) -> None:
    old, new, never = (tmp_path / name for name in ("old.log", "new.log", "never.log"))
    old.write_text("old")

    def answer(_files: dict[str, str]) -> Answer:
        new.write_text("")
        return int(refused), "", ""

    program.answer = answer
    logs = (str(old), str(new), str(never))
    if refused:
        with pytest.raises(NginxError):
            validate(program, TargetFile("conf.d/a.conf", b""), logs=logs)
    else:
        validate(program, TargetFile("conf.d/a.conf", b""), logs=logs)
    assert (old.exists(), new.exists(), never.exists()) == (True, False, False)


def reload(monkeypatch: pytest.MonkeyPatch, log: pathlib.Path, *, pid: str = "1", rc: int = 0, workers: list) -> bool:
    """Reloads an nginx whose workers are those of the list, one set for each time that somebody looks."""
    answers = {"show": (0, f"{pid}\n", ""), "reload": (rc, "Job failed.", " See the journal.")}
    monkeypatch.setattr(service, "children", lambda _parent: workers.pop(0))
    return Nginx(lambda argv: answers[argv[1]], "/usr/sbin/nginx").reload(str(log))


def test_a_stopped_nginx_is_not_reloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    assert not reload(monkeypatch, tmp_path / "error.log", pid="0", workers=[])


def test_a_reload_is_over_with_the_first_new_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    assert reload(monkeypatch, tmp_path / "error.log", workers=[{"old"}, {"old"}, {"old", "new"}])


def test_a_failed_reload_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    with pytest.raises(NginxError, match=r"^Job failed. See the journal.$"):
        reload(monkeypatch, tmp_path / "error.log", rc=1, workers=[{"old"}])


def test_an_emergency_during_the_reload_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "error.log"
    log.write_text("[emerg] 1#1: old\n")

    class Workers(list):
        """The log gets its line between the first look and the second."""

        def pop(self, _index: int) -> set[str]:
            if len(self) == 1:
                with log.open("a") as stream:
                    stream.write("[emerg] 1#1: bind() failed\n")
            return list.pop(self, 0)

    with pytest.raises(NginxError, match=r"^\[emerg\] 1#1: bind\(\) failed$"):
        reload(monkeypatch, log, workers=Workers([{"old"}, {"old"}]))


def test_an_nginx_without_new_workers_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(service, "RELOAD_SECONDS", 0)
    with pytest.raises(NginxError, match="no new worker within 0 seconds"):
        reload(monkeypatch, tmp_path / "error.log", workers=[{"old"}, {"old"}])


def test_conflicting_names_are_found() -> None:
    messages = """\
2026/11/20 13:32:02 [warn] 458#458: conflicting server name "a.org" on 0.0.0.0:80, ignored
nginx: [warn] conflicting server name "" on [::]:443, ignored
nginx: [warn] the "listen ... http2" directive is deprecated
"""
    assert service.conflicting_names(messages) == {
        'conflicting server name "a.org" on 0.0.0.0:80',
        'conflicting server name "" on [::]:443',
    }


def test_only_emergencies_after_the_position_count(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "error.log"
    log.write_text("[emerg] 1#1: old\n")
    position = log.stat().st_size
    with log.open("a") as stream:
        stream.write("[notice] 1#1: signal\n[emerg] 1#1: bind() failed\n")
    assert service.emergencies(str(log), position) == "[emerg] 1#1: bind() failed\n"
    assert service.emergencies(str(tmp_path / "none.log"), 0) == ""


def test_children_of_a_process_are_found() -> None:
    assert f"/proc/{os.getpid()}/stat" in service.children(os.getppid())
