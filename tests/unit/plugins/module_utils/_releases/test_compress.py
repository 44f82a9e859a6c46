"""Copies by Python's own gzip, and by a program that stands in for brotli."""

from __future__ import annotations

import gzip
import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import compress as copies
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs

TEXT = b"function answer() { return 42; }\n" * 20
NOISE = os.urandom(1000)


def pretend_brotli(argv: list[str], **_settings: object) -> tuple[int, str, str]:
    """Writes what it got in reverse, without its last byte where that makes a text."""
    (names,) = (argument.partition("=")[2] for argument in argv if argument.startswith("--arg-file="))
    for name in filter(None, pathlib.Path(names).read_text().split("\0")):
        data = pathlib.Path(name).read_bytes()
        pathlib.Path(name + ".br").write_bytes(data[-2::-1] if data == TEXT else data)
    return 0, "", ""


@pytest.fixture
def release(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(copies.shutil, "which", lambda program, path: f"/usr/bin/{program}")
    (tmp_path / "share/static/deep").mkdir(parents=True)
    return tmp_path


def compress(release: pathlib.Path, *directories: str) -> set[str]:
    """The names of what is there afterwards and was not before."""
    before = set(release.rglob("*"))
    copies.compress(str(release), list(directories), Programs(pretend_brotli, str))
    return {str(path.relative_to(release)) for path in set(release.rglob("*")) - before}


def test_text_gets_copies_at_every_depth(release: pathlib.Path) -> None:
    for name in ("share/static/a.js", "share/static/deep/b.css", "share/elsewhere.js"):
        (release / name).write_bytes(TEXT)
    added = compress(release, "share/static")
    assert added == {f"share/static/{name}" for name in ("a.js.gz", "a.js.br", "deep/b.css.gz", "deep/b.css.br")}
    assert gzip.decompress((release / "share/static/a.js.gz").read_bytes()) == TEXT
    assert (release / "share/static/a.js.br").read_bytes() == TEXT[-2::-1]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("picture.png", TEXT),
        ("font.woff2", TEXT),
        ("a.js.map", TEXT),
        ("small.js", TEXT[:299]),
        ("noise.js", NOISE),
    ],
)
def test_what_gains_nothing_gets_none(release: pathlib.Path, name: str, data: bytes) -> None:
    (release / "share/static" / name).write_bytes(data)
    assert compress(release, "share/static") == set()


def test_a_link_gets_none(release: pathlib.Path) -> None:
    (release / "secret.json").write_bytes(TEXT)
    (release / "share/static/a.json").symlink_to(release / "secret.json")
    assert compress(release, "share/static") == set()


def test_a_copy_that_a_package_brought_stays(release: pathlib.Path) -> None:
    (release / "share/static/a.js").write_bytes(TEXT)
    (release / "share/static/a.js.gz").write_bytes(b"theirs")
    (release / "share/static/a.js.br").write_bytes(b"theirs")
    assert compress(release, "share/static") == set()
    assert (release / "share/static/a.js.gz").read_bytes() == b"theirs"


def test_the_same_file_has_the_same_copy(release: pathlib.Path) -> None:
    for name, time in (("a.js", 1_000_000_000), ("b.js", 1_500_000_000)):
        path = release / "share/static" / name
        path.write_bytes(TEXT)
        os.utime(path, (time, time))
    compress(release, "share/static")
    first, second = (release / f"share/static/{name}.js.gz" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert (first.stat().st_mtime, second.stat().st_mtime) == (1_000_000_000, 1_500_000_000)


def test_a_missing_directory_is_told(release: pathlib.Path) -> None:
    with pytest.raises(BuildError, match="no directory share/statics in the release"):
        compress(release, "share/static", "share/statics")


def test_a_missing_program_is_told(release: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies.shutil, "which", lambda program, path: None)
    with pytest.raises(BuildError, match="install the package brotli"):
        compress(release, "share/static")


@pytest.mark.parametrize(
    ("directory", "inside"),
    [("share", True), ("share/a..b", True), ("/share", False), ("..", False), ("share/../..", False)],
)
def test_a_directory_outside_is_known(directory: str, inside: bool) -> None:
    assert copies.is_inside(directory) is inside
