"""uv is fetched once, for as long as an application uses it."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import tools
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs


class Fetcher:
    """Pretends to be pip: counts the fetches, and puts a program where pip would, or fails."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.count = 0

    def __call__(self, argv: list[str], **_settings: object) -> tuple[int, str, str]:
        self.count += 1
        program = pathlib.Path(argv[argv.index("--target") + 1], "bin", "uv")
        program.parent.mkdir()
        program.touch()
        return self.status, "", "no route to host"


@pytest.fixture(autouse=True)
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    wheel = tmp_path / "pip-1.whl"
    wheel.touch()
    monkeypatch.setattr(tools, "ROOT", str(tmp_path / "tools"))
    monkeypatch.setattr(tools, "CACHE", str(tmp_path / "tools/cache"))
    monkeypatch.setattr(tools, "_DEBIAN_PIP", str(tmp_path / "pip-*.whl"))
    return tmp_path


def application(root: pathlib.Path, name: str) -> str:
    path = root / name
    path.mkdir(exist_ok=True)
    return str(path)


def provide(path: str, fetcher: Fetcher, version: str = "1.0") -> None:
    tools.provide_uv(path, version, "uv==1.0 --hash=sha256:aa\n", Programs(fetcher, str), {})


def test_two_applications_fetch_once_and_the_last_removes_everything(root: pathlib.Path) -> None:
    one, two, fetcher = application(root, "one"), application(root, "two"), Fetcher()
    provide(one, fetcher)
    provide(two, fetcher)
    assert fetcher.count == 1
    assert os.stat(tools.CACHE).st_mode & 0o077 == 0
    tools.release_tools(one)
    assert os.path.isfile(tools.uv_program("1.0"))
    tools.release_tools(two)
    assert not os.path.exists(tools.ROOT)
    tools.release_tools(two)


def test_an_application_that_somebody_deleted_holds_nothing(root: pathlib.Path) -> None:
    one, two, fetcher = application(root, "one"), application(root, "two"), Fetcher()
    provide(one, fetcher)
    provide(two, fetcher)
    os.rmdir(one)
    tools.release_tools(two)
    assert not os.path.exists(tools.ROOT)


def test_similar_paths_are_different_applications(root: pathlib.Path) -> None:
    (root / "a").mkdir()
    nested, flat, fetcher = application(root, "a/b"), application(root, "a%2Fb"), Fetcher()
    provide(nested, fetcher)
    provide(flat, fetcher)
    tools.release_tools(nested)
    assert os.path.isfile(tools.uv_program("1.0"))


def test_another_version_replaces_the_old_one(root: pathlib.Path) -> None:
    one, fetcher = application(root, "one"), Fetcher()
    provide(one, fetcher, "1.0")
    provide(one, fetcher, "2.0")
    assert os.listdir(os.path.join(tools.ROOT, "uv")) == ["2.0"]


def test_a_failed_fetch_is_told_and_repeated(root: pathlib.Path) -> None:
    one = application(root, "one")
    with pytest.raises(BuildError, match=r"fetching uv 1\.0 failed with status 1\nno route to host"):
        provide(one, Fetcher(status=1))
    assert not os.path.exists(tools.uv_program("1.0"))
    provide(one, Fetcher())
    assert os.path.isfile(tools.uv_program("1.0"))


def test_without_debian_s_pip_the_package_is_named(root: pathlib.Path) -> None:
    (root / "pip-1.whl").unlink()
    with pytest.raises(BuildError, match="install the package python3-pip-whl"):
        provide(application(root, "one"), Fetcher())
