"""Which packages the interpreters of a release and of its overlay find, asked of real virtual environments."""

from __future__ import annotations

import glob
import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import venv

INTERPRETERS = sorted({os.path.realpath(python) for python in (sys.executable, *glob.glob("/usr/bin/python3"))})


@pytest.fixture(params=INTERPRETERS)
def release(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """A release with an overlay. Its `home` is that of a user who installed packages."""
    prefix = str(tmp_path / "release")
    subprocess.run([request.param, "-m", "venv", "--without-pip", prefix], check=True)
    venv.make_overlay(prefix)
    return prefix


def ask(release: str, program: str, code: str, *options: str) -> str:
    home = {"HOME": os.path.join(release, "home"), "PATH": "/usr/bin:/bin"}
    argv = [os.path.join(release, program), *options, "-c", code]
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=home).stdout.strip()


def directories(release: str) -> dict[str, str]:
    """The directories of packages of the overlay, the user and the release."""
    user = ask(release, "bin/python", "import site; print(site.getusersitepackages())")
    overlay = ask(release, "overlay/bin/python", "import sysconfig; print(sysconfig.get_path('purelib'))")
    found = {"overlay": overlay, "user": user, "release": venv.site_packages(release)}
    for directory in found.values():
        os.makedirs(directory, exist_ok=True)
    return found


def place(directories: dict[str, str], owners: list[str]) -> None:
    """Puts a module `tool` into the directories of some; it says whose it is."""
    for owner in owners:
        pathlib.Path(directories[owner], "tool.py").write_text(f"print({owner!r})")


@pytest.mark.parametrize(
    ("program", "options", "owners", "expected"),
    [
        ("overlay/bin/python", [], ["overlay", "user", "release"], "overlay"),
        ("overlay/bin/python", [], ["user", "release"], "user"),
        ("overlay/bin/python", [], ["release"], "release"),
        ("overlay/bin/python", ["-s"], ["user", "release"], "release"),
        ("overlay/bin/python", ["-I"], ["user", "release"], "release"),
        ("bin/python", [], ["overlay", "user", "release"], "release"),
    ],
)
def test_whose_package_wins(release: str, program: str, options: list[str], owners: list[str], expected: str) -> None:
    place(directories(release), owners)
    assert ask(release, program, "import tool", *options) == expected


def test_the_release_wins_over_the_system_and_no_directory_is_listed_twice(release: str) -> None:
    known = directories(release)
    paths = ask(release, "overlay/bin/python", "import sys; print(*sys.path[1:], sep='\\n')").splitlines()
    assert len(paths) == len(set(paths))
    order = [paths.index(known[owner]) for owner in ("overlay", "user", "release")]
    system = [index for index, path in enumerate(paths) if path.endswith(("dist-packages", "site-packages"))]
    assert [*order, *sorted(set(system) - set(order))] == sorted(system)


def test_path_files_of_the_release_count(release: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/tool.py").write_text("print('linked')")
    pathlib.Path(venv.site_packages(release), "linked.pth").write_text(f"{tmp_path}/linked\n")
    assert ask(release, "overlay/bin/python", "import tool") == "linked"


def test_a_new_file_takes_nobody_s_place(tmp_path: pathlib.Path) -> None:
    """Foreign code could leave a link to a file of the host where root writes next."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link").symlink_to("precious")
    with pytest.raises(FileExistsError):
        venv.write_file(str(tmp_path / "link"), "theirs")
    assert (tmp_path / "precious").read_text() == "mine"


def test_root_runs_no_interpreter_that_a_release_brings(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.symlink_to("/usr/bin/python3")
    assert venv.host_python(str(tmp_path)) == os.path.realpath("/usr/bin/python3")
    (tmp_path / "bin/mine").write_text("#!/bin/sh\n")
    python.unlink()
    python.symlink_to("mine")
    assert venv.host_python(str(tmp_path)) is None
