"""The way to a file leads through a home, and its person puts links and other people's files there."""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile
from collections.abc import Iterator

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files import beneath

DAVE, CAROL = 4711, 4712


@pytest.fixture
def root() -> Iterator[pathlib.Path]:
    """A directory that only root can change, as each above it."""
    with tempfile.TemporaryDirectory(dir="/root") as path:
        yield pathlib.Path(path)


@pytest.fixture
def home(root: pathlib.Path) -> pathlib.Path:
    """The home of dave, and a secret of root's and of carol's beside it."""
    for name, uid in (("dave", DAVE), ("carol", CAROL), ("etc", 0)):
        (root / name).mkdir()
        (root / name / "secret").write_text("secret\n")
        for path in (root / name, root / name / "secret"):
            os.chown(path, uid, uid)
    return root / "dave"


def test_a_file_of_the_person_is_read(home: pathlib.Path) -> None:
    assert beneath.text(f"{home}/secret") == "secret\n"
    assert beneath.read(f"{home}/none") is None
    assert beneath.read(f"{home}/none/secret") is None


def test_links_of_root_are_followed(root: pathlib.Path, home: pathlib.Path) -> None:
    (root / "link").symlink_to("dave")
    (root / "etc/away").symlink_to(f"{root}/link/secret")
    (root / "etc/up").symlink_to("../etc/secret")
    for path in ("link/secret", "etc/away", "etc/up"):
        assert beneath.text(f"{root}/{path}") == "secret\n"


def test_a_circle_of_links_ends(root: pathlib.Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(ValueError, match="too many links"):
        beneath.read(f"{root}/a/x")


@pytest.mark.parametrize("kind", ["directory", "link", "second name", "pipe", "device", "of carol", "way back"])
def test_a_person_leads_root_nowhere(root: pathlib.Path, home: pathlib.Path, kind: str) -> None:
    place = home / "here"
    if kind == "directory":
        place.symlink_to(root / "etc")
        place = place / "secret"
    elif kind == "link":
        place.symlink_to(root / "etc/secret")
    elif kind == "second name":
        place.hardlink_to(root / "etc/secret")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    elif kind == "of carol":
        place.write_text("secret\n")
        os.chown(place, CAROL, CAROL)
    else:
        place = home / "../carol/secret"
    with pytest.raises(ValueError, match=r"link|no file of this person's|leads back"):
        beneath.read(str(place))


def test_a_directory_of_somebody_else_in_a_home_is_refused(home: pathlib.Path) -> None:
    (home / "carols").mkdir()
    os.chown(home / "carols", CAROL, CAROL)
    with pytest.raises(ValueError, match="no directory of its person's"):
        beneath.read(f"{home}/carols/secret")


def test_links_in_a_directory_for_everybody_are_not_followed(root: pathlib.Path) -> None:
    (root / "shared").mkdir()
    (root / "shared").chmod(0o1777)
    (root / "shared/etc").symlink_to(root)
    with pytest.raises(ValueError, match="is a link in a directory that others can change"):
        beneath.read(f"{root}/shared/etc/secret")


def test_a_file_has_to_belong_to_one_of_its_owners(home: pathlib.Path, root: pathlib.Path) -> None:
    assert beneath.read(f"{home}/secret", {DAVE}) == b"secret\n"
    with pytest.raises(ValueError, match="no file of this person's"):
        beneath.read(f"{root}/carol/secret", {DAVE})


def test_names_are_listed_of_a_directory_and_not_of_where_a_link_leads(home: pathlib.Path, root: pathlib.Path) -> None:
    assert beneath.listing(str(home)) == ["secret"]
    assert beneath.listing(f"{home}/none") == []
    (home / "etc").symlink_to(root / "etc")
    with pytest.raises(ValueError, match="is a link"):
        beneath.listing(f"{home}/etc")


def test_missing_directories_belong_to_the_person(home: pathlib.Path, root: pathlib.Path) -> None:
    beneath.make_directories(f"{home}/a/b")
    beneath.make_directories(f"{home}/a/b")
    beneath.make_directories(f"{root}/srv/x")
    owners = [(home / "a/b").stat().st_uid, (home / "a").stat().st_gid, (root / "srv/x").stat().st_uid]
    assert owners == [DAVE, DAVE, 0]
    (home / "etc").symlink_to(root / "etc")
    with pytest.raises(ValueError, match="is a link"):
        beneath.make_directories(f"{home}/etc/c")
    assert not (root / "etc/c").exists()
