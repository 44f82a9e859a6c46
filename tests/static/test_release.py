"""What script/release refuses, and what it writes; whether the tarball works is its own last step."""

from __future__ import annotations

import fnmatch
import importlib.util
import pathlib
import shutil

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("release", ROOT / "changelogs/release.py")
release = importlib.util.module_from_spec(spec)
spec.loader.exec_module(release)

GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())


@pytest.mark.parametrize(("version", "last"), [("1.0.0", None), ("1.10.0", "1.9.3"), ("2.0.0", "2.0.0-rc.1")])
def test_a_newer_version_with_fragments_is_ready(version: str, last: str | None) -> None:
    assert release.problems(version, last, ["kernels.yml"], GALAXY) == []


@pytest.mark.parametrize(
    ("version", "last", "fragments", "galaxy", "problem"),
    [
        ("1.0", None, ["a.yml"], GALAXY, "1.0 is no semantic version; write it as 1.2.3, or 1.2.3-rc.1"),
        ("v1.0.0", None, ["a.yml"], GALAXY, "v1.0.0 is no semantic version; write it as 1.2.3, or 1.2.3-rc.1"),
        ("1.9.4", "1.10.0", ["a.yml"], GALAXY, "1.9.4 is not newer than 1.10.0, the last release"),
        ("1.0.0", "1.0.0", ["a.yml"], GALAXY, "1.0.0 is not newer than 1.0.0, the last release"),
        ("1.0.0-rc.1", "1.0.0", ["a.yml"], GALAXY, "1.0.0-rc.1 is not newer than 1.0.0, the last release"),
        ("1.0.0", None, [], GALAXY, "changelogs/fragments/ is empty, so there is nothing to release"),
        ("1.0.0", None, ["a.yml"], GALAXY | {"issues": ""}, "galaxy.yml has no issues"),
        ("1.0.0", None, ["a.yml"], GALAXY | {"tags": ["jupyter"]}, "galaxy.yml has none of the tags"),
    ],
)
def test_what_is_in_the_way_of_a_release_is_said(
    version: str, last: str | None, fragments: list[str], galaxy: dict, problem: str
) -> None:
    [found] = release.problems(version, last, fragments, galaxy)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("last", "tag", "found"),
    [
        ("1.2.0", "v1.2.0", []),
        ("1.2.0", None, []),
        ("1.1.0", "v1.2.0", ["galaxy.yml has the version 1.2.0, and the changelog ends with 1.1.0"]),
        ("1.2.0", "v1.2.1", ["the tag is v1.2.1, and galaxy.yml has the version 1.2.0"]),
        ("1.2.0", "1.2.0", ["the tag is 1.2.0, and galaxy.yml has the version 1.2.0"]),
    ],
)
def test_a_tag_is_the_version_of_the_tree(last: str, tag: str | None, found: list[str]) -> None:
    assert release.problems_of_released("1.2.0", last, tag) == found


def test_no_page_of_the_tarball_links_to_what_is_left_out(tmp_path: pathlib.Path) -> None:
    def left_out(directory: str, names: list[str]) -> set[str]:
        paths = {name: str((pathlib.Path(directory) / name).relative_to(ROOT)) for name in names}
        ignored = GALAXY["build_ignore"]
        return {name for name, path in paths.items() if any(fnmatch.fnmatch(path, one) for one in ignored)}

    shutil.copytree(ROOT, tmp_path / "tarball", ignore=left_out)
    assert release.dead_links(tmp_path / "tarball") == []


def test_a_dead_link_is_told_with_its_page(tmp_path: pathlib.Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/faq.md").write_text("[There](../README.md#top), [gone](../benchmarks/README.md#times).")
    (tmp_path / "README.md").write_text("[Questions](docs/faq.md), [elsewhere](https://example.org/).")
    assert release.dead_links(tmp_path) == ["benchmarks/README.md (in docs/faq.md)"]


def test_the_last_release_is_the_newest_one_and_not_the_last_in_the_file() -> None:
    assert release.last_release({}) is None
    assert release.last_release({"releases": {"1.10.0": {}, "1.9.0": {}, "1.10.0-rc.1": {}}}) == "1.10.0"


@pytest.mark.parametrize(
    ("last", "before", "after"),
    [
        (None, 'version_added: "0.1.0"', 'version_added: "1.2.0"'),
        ("1.1.0", 'version_added: "1.1.1"', 'version_added: "1.2.0"'),
        ("1.1.0", "version_added: 1.1.1\n", "version_added: 1.2.0\n"),
        ("1.1.0", 'version_added: "1.1.0"', 'version_added: "1.1.0"'),
        ("1.1.0", 'version_added: "1.0.0"', 'version_added: "1.0.0"'),
    ],
)
def test_what_is_new_since_the_last_release_came_with_this_one(last: str | None, before: str, after: str) -> None:
    assert release.stamped(before, "1.2.0", last) == after
