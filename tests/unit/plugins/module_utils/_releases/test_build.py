"""Builds with an installer that only pretends: what is left after success, and after a failure at every step."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import build as build_module
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.build import (
    Recipe,
    ReleaseBuild,
    own_lock,
    require_room,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.installers import Pip, Uv
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.interpreter import Interpreter
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.lock import parse_lock
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.source import PackageSource
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import ReleaseStore, content_size

ID = "a" * 12
ALPHA = "alpha==1.0 --hash=sha256:aa"
BETA = "beta==2.0 --hash=sha256:bb"
INTERPRETER = Interpreter(sys.executable, "cpython", "3.11.2")


class Pretender:
    """Installs by making directories with the right names; fails at one step if told so."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.lock = ""

    def _step(self, name: str) -> None:
        if name == self.fails_at:
            raise BuildError(f"{name} failed")

    def prepare(self, application: str) -> None:
        self._step("prepare")

    def create(self, release: str, python: str) -> None:
        os.makedirs(os.path.join(release, "lib", "python3.11", "site-packages"))
        os.makedirs(os.path.join(release, "bin"))
        pathlib.Path(release, "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
        self._step("create")

    def resolve(self, release: str, requirements: str, constraints: str) -> str:
        self._step("resolve")
        assert pathlib.Path(requirements).read_text() == "beta\n"
        assert pathlib.Path(constraints).read_text() == "alpha==1.0\n"
        return f"{ALPHA}cc\n{BETA}\n"

    def install(self, release: str, lock: str) -> None:
        self.lock = pathlib.Path(lock).read_text()
        for line in self.lock.splitlines():
            name, version = line.split()[0].split("==")
            info = pathlib.Path(release, "lib/python3.11/site-packages", f"{name}-{version}.dist-info")
            info.mkdir()
            info.chmod(0o777)
        self._step("install")


def run_command(argv: list[str], cwd: str, environ_update: dict, **_settings: object) -> tuple[int, str, str]:
    """Pretends to run a command.

    `bad` fails, `slow` runs into the time limit, `litter` leaves a temporary file, `env` and `move` do what they say.
    """
    program = argv.index("/usr/bin/timeout")
    if argv[0] == "env":  # in the sandbox
        cwd = argv[1].removeprefix("--chdir=")
        environ_update = dict(word.split("=", 1) for word in argv[2:program])
    argv = argv[program:]
    command = os.path.basename(argv[3])
    if command == "env":
        pathlib.Path(cwd, argv[4]).write_text(environ_update.get("SSL_CERT_FILE", ""))
    if command == "litter":
        pathlib.Path(environ_update.get("TMPDIR", tempfile.gettempdir()), argv[4]).touch()
    if command == "move":
        os.rename(os.path.join(cwd, argv[4]), os.path.join(cwd, argv[5]))
    return {"bad": (1, "words\n", "last words of s3cret\n"), "slow": (124, "", "")}.get(command, (0, "", ""))


@pytest.fixture
def store(tmp_path: pathlib.Path) -> ReleaseStore:
    return ReleaseStore(str(tmp_path / "app"))


def a_build(store: ReleaseStore, **recipe: object) -> ReleaseBuild:
    programs = Programs(run_command, lambda text: text.replace("s3cret", "***"))
    return ReleaseBuild(
        store,
        Recipe(pins=parse_lock(ALPHA), **recipe),
        INTERPRETER,
        programs,
        PackageSource(ca_bundle="/srv/ca.pem"),
    )


def test_a_release_holds_the_lock_and_what_its_packages_need(store: ReleaseStore) -> None:
    name = a_build(store, packages=["beta"]).run(ID, Pretender(), [])
    assert store.marker(name)["packages"] == {"alpha": "1.0", "beta": "2.0"}
    assert store.marker(name)["python"] == {"tag": "cpython-3.11", "version": "3.11.2"}
    assert store.marker(name)["content"] == content_size(store.directory(name)) > 0
    assert [pin.text for pin in own_lock(store, name)] == [ALPHA, BETA]


def test_a_former_build_is_repeated_from_its_own_lock(store: ReleaseStore) -> None:
    installer = Pretender(fails_at="resolve")
    a_build(store, packages=["beta"]).run(ID, installer, parse_lock(f"{ALPHA}\nbeta==1.9 --hash=sha256:dd"))
    assert "beta==1.9" in installer.lock


def test_nobody_else_can_write(store: ReleaseStore) -> None:
    name = a_build(store, overlay=True).run(ID, Pretender(), [])
    modes = [path.lstat().st_mode for path in pathlib.Path(store.directory(name)).rglob("*")]
    assert len(modes) > 10
    assert [mode for mode in modes if mode & 0o022 and not stat.S_ISLNK(mode)] == []


def test_files_are_there_for_the_setup_commands(store: ReleaseStore) -> None:
    files = {"share/app/a.json": "{}\n", "share/app/b": "", "c.txt": "ü"}
    build = a_build(store, files=files, setup_commands=[["bin/move", "c.txt", "d.txt"]])
    release = pathlib.Path(store.directory(build.run(ID, Pretender(), [])))
    texts = {name: (release / name).read_text() for name in ["share/app/a.json", "share/app/b", "d.txt"]}
    assert list(texts.values()) == list(files.values())
    assert {stat.S_IMODE((release / name).stat().st_mode) for name in texts} == {0o644}
    assert not (release / "c.txt").exists()


@pytest.mark.parametrize("path", ["pyvenv.cfg", "lock.txt", "bin", "lib/python3.11/site-packages/alpha-1.0.dist-info"])
def test_a_file_takes_nobody_s_place(store: ReleaseStore, path: str) -> None:
    with pytest.raises(BuildError, match=f"the release holds a {path} already"):
        a_build(store, files={path: "mine"}).run(ID, Pretender(), [])
    assert store.names() == []


@pytest.mark.parametrize(("network", "authorities"), [(True, "/srv/ca.pem"), (False, "")])
def test_setup_commands_that_have_a_network_know_the_authorities(
    store: ReleaseStore, network: bool, authorities: str
) -> None:
    commands = {"setup_commands": [["bin/env", "setup.txt"]], "smoke_commands": [["bin/env", "smoke.txt"]]}
    build = a_build(store, **commands, setup_network=network)
    release = pathlib.Path(store.directory(build.run(ID, Pretender(), [])))
    assert [(release / name).read_text() for name in ("setup.txt", "smoke.txt")] == [authorities, ""]


def test_commands_leave_nothing_in_the_host_s_temporary_directory(store: ReleaseStore) -> None:
    """As the installation of a kernel does, which makes a directory there for each."""
    litter = f"litter-{os.getpid()}"
    commands = [["bin/litter", litter]]
    build = a_build(store, setup_commands=commands, smoke_commands=commands)
    release = store.directory(build.run(ID, Pretender(), []))
    assert not pathlib.Path(tempfile.gettempdir(), litter).exists()
    assert list(pathlib.Path(release).rglob(litter)) == []


@pytest.mark.parametrize("step", ["create", "resolve", "install"])
def test_nothing_is_left_of_a_failed_step(store: ReleaseStore, step: str) -> None:
    with pytest.raises(BuildError, match=f"{step} failed"):
        a_build(store, packages=["beta"]).run(ID, Pretender(step), [])
    assert store.names() == []


@pytest.mark.parametrize(
    "said",
    [
        "numpy<=1.26.4 has no wheels with a matching Python ABI tag (e.g., `cp313`)\nhint: building from source is "
        "disabled for all packages (i.e., with `--no-build`)",
        "Because the current Python version (3.9.2) does not satisfy Python>=3.10 and scipy==1.15 depends on it",
        "ERROR: Ignored the following versions that require a different python version: 1.26.4 Requires-Python <3.13\n"
        "ERROR: No matching distribution found for numpy<2",
    ],
)
@pytest.mark.parametrize("make", [Uv, Pip])
def test_packages_for_another_python_are_told_by_their_environment(
    store: ReleaseStore, make: Callable[..., Uv | Pip], said: str
) -> None:
    def refuse(argv: list[str], **settings: Any) -> tuple[int, str, str]:
        return (1, "", said) if {"compile", "--dry-run"} & {*argv} else run_command(argv, **settings)

    programs, source = Programs(lambda argv, cwd, **settings: refuse(argv, cwd=cwd, **settings), str), PackageSource()
    installer = make(programs, source, *(["uv==0.9 --hash=sha256:aa"] if make is Uv else []))
    pretender = Pretender()
    pretender.resolve = installer.resolve
    build = ReleaseBuild(store, Recipe(packages=["numpy<2"]), INTERPRETER, programs, source)
    with pytest.raises(BuildError) as failure:
        build.run(ID, pretender, [])
    first, *rest = str(failure.value).splitlines()
    assert first == (
        f"{store.path}: its packages have no version for Python 3.11.2; ask for another version of them, or write "
        "another `python`."
    )
    assert said.splitlines()[-1] in rest
    assert "python_venv_source_packages" not in str(failure.value)


@pytest.mark.parametrize("stage", ["setup_commands", "smoke_commands"])
@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["bin/bad", "-x"], r"`bin/bad -x` failed with status 1\nwords\n+last words of \*\*\*"),
        (["bin/slow"], "`bin/slow` took more than 300 seconds"),
    ],
)
def test_nothing_is_left_of_a_release_that_does_not_work(
    store: ReleaseStore, stage: str, command: list[str], message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        a_build(store, **{stage: [["bin/good"], command]}).run(ID, Pretender(), [])
    assert store.names() == []


def test_an_interruption_leaves_nothing_either(store: ReleaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_prefix: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "take_back", interrupt)
    with pytest.raises(KeyboardInterrupt):
        a_build(store).run(ID, Pretender(), [])
    assert store.names() == []


def test_the_lock_of_a_leftover_is_not_trusted(store: ReleaseStore) -> None:
    name = store.begin(ID)
    pathlib.Path(store.directory(name), "lock.txt").write_text(ALPHA)
    assert own_lock(store, name) == []
    store.finish(name, {})
    assert [pin.text for pin in own_lock(store, name)] == [ALPHA]


def test_too_little_room_is_told_before_the_build(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(pins=parse_lock(ALPHA), packages=["beta"])
    usage = type("Usage", (), {"free": 200 * 1024 * 1024})
    monkeypatch.setattr(build_module.shutil, "disk_usage", lambda _path: usage)
    require_room(str(tmp_path), recipe, None)
    with pytest.raises(BuildError, match="has 200 MB free, and a release needs about 400 MB: make room"):
        require_room(str(tmp_path), recipe, 300 * 1024 * 1024)


@pytest.mark.parametrize("archive", [{"hashes": {"sha256": "aa"}}, {"hash": "sha256=aa"}])
def test_pip_s_report_becomes_a_lock(tmp_path: pathlib.Path, archive: dict) -> None:
    alpha = {"metadata": {"name": "Alpha_One", "version": "1.0"}, "download_info": {"archive_info": archive}}

    def write_report(argv: list[str], **_settings: object) -> tuple[int, str, str]:
        pathlib.Path(argv[argv.index("--report") + 1]).write_text(json.dumps({"install": [alpha]}))
        return 0, "", ""

    pip = Pip(Programs(write_report, str), PackageSource())
    [pin] = parse_lock(pip.resolve(str(tmp_path), "requirements.in", "constraints.txt"))
    assert (pin.name, pin.version, pin.text) == ("alpha-one", "1.0", "Alpha_One==1.0 --hash=sha256:aa")
    assert os.listdir(tmp_path) == []
