"""Kernels are written whole, seen by whom they are for, and never taken for ours when they are not."""

from __future__ import annotations

import json
import os
import pathlib
import stat

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter import kernel_specs
from ansible_collections.nbops.jupyter.plugins.module_utils._jupyter.kernel_specs import (
    MARK,
    SPEC,
    Access,
    KernelDirectory,
)

SPECIFICATION = {"argv": ["/bin/true", "{connection_file}"], "display_name": "Größe", "language": "none"}
EVERYBODY = Access()
GROUP = Access(os.getegid())


@pytest.fixture
def kernels(tmp_path: pathlib.Path) -> KernelDirectory:
    return KernelDirectory(str(tmp_path / "share/jupyter/kernels"))


def write(kernels: KernelDirectory, name: str, access: Access = EVERYBODY, logos: str = "", **more: object) -> None:
    kernels.write(name, content(name, logos, **more), access)


def content(name: str, logos: str = "", **more: object) -> dict[str, bytes]:
    return kernel_specs.files(name, {**SPECIFICATION, **more}, logos)


def modes(path: pathlib.Path) -> dict[str, int]:
    return {place.name: stat.S_IMODE(place.lstat().st_mode) for place in (path, *path.iterdir())}


def test_a_kernel_is_written_once(kernels: KernelDirectory) -> None:
    assert kernels.differs("one", content("one"), EVERYBODY)
    write(kernels, "one")
    assert not kernels.differs("one", content("one"), EVERYBODY)
    assert json.loads(kernels.spec_text("one")) == SPECIFICATION
    assert kernels.own() == ["one"]
    assert os.listdir(os.path.dirname(kernels.path)) == ["kernels"]


@pytest.mark.parametrize("umask", [0, 0o077])
@pytest.mark.parametrize(("access", "directory", "file"), [(EVERYBODY, 0o755, 0o644), (GROUP, 0o750, 0o640)])
def test_nobody_s_umask_matters(
    kernels: KernelDirectory, umask: int, access: Access, directory: int, file: int
) -> None:
    former = os.umask(umask)
    try:
        write(kernels, "one", access)
    finally:
        os.umask(former)
    assert modes(pathlib.Path(kernels.path, "one")) == {"one": directory, SPEC: file, MARK: file}


def test_who_sees_it_can_change(kernels: KernelDirectory) -> None:
    write(kernels, "one")
    assert kernels.differs("one", content("one"), GROUP)
    write(kernels, "one", GROUP)
    assert modes(pathlib.Path(kernels.path, "one"))[SPEC] == 0o640
    assert not kernels.differs("one", content("one"), GROUP)
    assert kernels.differs("one", content("one"), EVERYBODY)


def test_what_was_changed_by_hand_is_put_right(kernels: KernelDirectory) -> None:
    write(kernels, "one")
    place = pathlib.Path(kernels.path, "one")
    for change in (
        lambda: (place / SPEC).write_text("{}"),
        (place / SPEC).unlink,
        lambda: (place / SPEC).chmod(0o600),
        (place / "more").mkdir,
        lambda: place.chmod(0o777),
    ):
        change()
        assert kernels.differs("one", content("one"), EVERYBODY)
        write(kernels, "one")
        assert not kernels.differs("one", content("one"), EVERYBODY)


def test_logos_come_along_as_far_as_there_are_any(kernels: KernelDirectory, tmp_path: pathlib.Path) -> None:
    logos = tmp_path / "logos"
    assert set(content("one", str(logos))) == {SPEC, MARK}
    logos.mkdir()
    (logos / "logo-64x64.png").write_bytes(b"\x89PNG")
    (logos / "kernel.js").write_text("alert()")
    write(kernels, "one", logos=str(logos))
    assert set(os.listdir(f"{kernels.path}/one")) == {SPEC, MARK, "logo-64x64.png"}
    assert kernels.differs("one", content("one"), EVERYBODY)
    write(kernels, "one")
    assert set(os.listdir(f"{kernels.path}/one")) == {SPEC, MARK}


def test_kernels_of_others_are_not_ours(kernels: KernelDirectory) -> None:
    write(kernels, "one")
    base = pathlib.Path(kernels.path)
    (base / "theirs").mkdir()
    (base / "copy").mkdir()
    (base / "copy" / MARK).write_text("one")
    (base / "link").symlink_to("one")
    (base / "file").write_text("one")
    assert kernels.own() == ["one"]
    assert [name for name in ("one", "theirs", "copy", "link", "file", "none") if kernels.is_foreign(name)] == [
        "theirs", "copy", "link", "file",
    ]  # fmt: skip


def test_a_kernel_goes_and_the_directories_with_the_last(kernels: KernelDirectory, tmp_path: pathlib.Path) -> None:
    write(kernels, "one")
    write(kernels, "two")
    kernels.remove("one")
    kernels.remove_if_empty()
    assert kernels.own() == ["two"]
    kernels.remove("two")
    kernels.remove_if_empty()
    assert os.listdir(tmp_path / "share") == []


def test_what_an_interruption_left_is_in_nobody_s_way(kernels: KernelDirectory, tmp_path: pathlib.Path) -> None:
    (tmp_path / "share/jupyter/.nbops-one").mkdir(parents=True)
    (tmp_path / "share/jupyter/.nbops-one/half").touch()
    write(kernels, "one")
    assert set(os.listdir(f"{kernels.path}/one")) == {SPEC, MARK}


def test_environments_are_told_from_what_else_is_there(tmp_path: pathlib.Path) -> None:
    assert kernel_specs.environments(str(tmp_path / "none")) == ([], [])
    for name in ("built/releases", "begun", "theirs/data"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "note").touch()
    assert kernel_specs.environments(str(tmp_path)) == (["begun", "built"], ["note", "theirs"])


def test_an_environment_is_never_open_to_others(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "kernels/one")
    assert kernel_specs.environment_differs(path, GROUP)
    kernel_specs.prepare_environment(path, GROUP)
    assert not kernel_specs.environment_differs(path, GROUP)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o750
    kernel_specs.prepare_environment(path, EVERYBODY)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o755
