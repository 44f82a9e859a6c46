"""The owner of a home puts anything there, and leads root nowhere."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._ssh.home import KEYS, MORE_KEYS, Home


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "ada"
    path.mkdir(mode=0o755)
    return path


@pytest.fixture
def home(path: pathlib.Path) -> Home:
    return Home(str(path), os.geteuid(), os.getegid())


def test_a_file_is_written_with_its_modes(home: Home, path: pathlib.Path) -> None:
    assert home.read() is None
    assert not home.is_right()
    path.chmod(0o777)
    home.write("one\n")
    assert home.read() == "one\n"
    assert home.is_right()
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path / ".ssh", path / ".ssh" / KEYS)]
    assert modes == [0o755, 0o700, 0o600]
    assert os.listdir(path / ".ssh") == [KEYS]


@pytest.mark.parametrize(("place", "mode"), [("", 0o775), (".ssh", 0o755), (f".ssh/{KEYS}", 0o644)])
def test_a_wrong_mode_is_seen(home: Home, path: pathlib.Path, place: str, mode: int) -> None:
    home.write("one\n")
    (path / place).chmod(mode)
    assert not home.is_right()
    home.write("one\n")
    assert home.is_right()


def test_a_link_in_the_place_of_the_directory_is_refused(
    home: Home, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (path / ".ssh").symlink_to(other)
    for step in (home.read, lambda: home.write("one\n")):
        with pytest.raises(ValueError, match="is a link or no directory"):
            step()
    # Who leaves cannot keep anybody from it.
    assert home.has(KEYS)
    home.remove(KEYS)
    assert not (path / ".ssh").is_symlink()
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "second name", "pipe", "directory"])
def test_what_is_no_file_of_its_owner_alone_is_not_read(
    home: Home, path: pathlib.Path, tmp_path: pathlib.Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    home.write("one\n")
    place = path / ".ssh" / KEYS
    place.unlink()
    if kind == "link":
        place.symlink_to(secret)
    elif kind == "second name":
        place.hardlink_to(secret)
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    with pytest.raises((ValueError, IsADirectoryError)):
        home.read()
    if kind != "directory":
        home.write("two\n")
        assert home.read() == "two\n"
    assert secret.read_text() == "secret\n"


def test_a_home_of_somebody_else_is_refused(path: pathlib.Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, 4711, 4711)
    with pytest.raises(ValueError, match="belongs to somebody else"):
        Home(str(path), 4712, 4712).read()


def test_the_second_file_goes(home: Home, path: pathlib.Path) -> None:
    home.write("one\n")
    (path / ".ssh" / MORE_KEYS).write_text("two\n")
    assert home.has(MORE_KEYS)
    home.remove(MORE_KEYS)
    assert not home.has(MORE_KEYS)
    home.remove(MORE_KEYS)
