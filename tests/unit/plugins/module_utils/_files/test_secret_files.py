"""Secrets are created once, also by runs at the same time, and no other file in their place is overwritten."""

from __future__ import annotations

import os
import pathlib
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files import secret_files
from ansible_collections.nbops.jupyter.plugins.module_utils._files.secret_files import Changes, reconcile

WHOLE = "0123456789abcdef" * 4


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "etc" / "secrets"


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def contents(path: pathlib.Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in path.iterdir()}


def test_secrets_are_created_once(path: pathlib.Path) -> None:
    assert reconcile(str(path), ["b", "a", "b"], False, False) == Changes(created=["a", "b"], directory=True)
    first = contents(path)
    assert set(first) == {"a", "b"}
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in first.values())
    assert first["a"] != first["b"]
    assert (mode(path), mode(path / "a"), mode(path / "b")) == (0o700, 0o600, 0o600)
    assert not reconcile(str(path), ["a", "b"], True, False)
    assert reconcile(f"{path}/", ["a", "b", "c"], True, False) == Changes(created=["c"])
    assert contents(path).items() > first.items()


@pytest.mark.parametrize("umask", [0o077, 0])
def test_the_umask_makes_no_difference(path: pathlib.Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        reconcile(str(path), ["a"], False, False)
    finally:
        os.umask(former)
    assert (mode(path), mode(path / "a")) == (0o700, 0o600)


def test_check_mode_predicts_and_changes_nothing(path: pathlib.Path) -> None:
    assert reconcile(str(path), ["a"], True, True) == Changes(created=["a"], directory=True)
    assert not path.parent.exists()
    reconcile(str(path), ["a", "old"], False, False)
    (path / "a").chmod(0o644)
    path.chmod(0o755)
    before = contents(path)
    predicted = reconcile(str(path), ["a", "b"], True, True)
    assert predicted == Changes(created=["b"], repaired=["a"], removed=["old"], directory=True)
    assert (contents(path), mode(path), mode(path / "a")) == (before, 0o755, 0o644)
    assert reconcile(str(path), ["a", "b"], True, False) == predicted
    assert (mode(path), mode(path / "a")) == (0o700, 0o600)
    assert not reconcile(str(path), ["a", "b"], True, True)


def test_a_wrong_owner_is_repaired(path: pathlib.Path) -> None:
    reconcile(str(path), ["a"], False, False)
    os.chown(path, 65534, 65534)
    os.chown(path / "a", 0, 65534)
    assert reconcile(str(path), ["a"], False, False) == Changes(repaired=["a"], directory=True)
    assert {(place.stat().st_uid, place.stat().st_gid) for place in (path, path / "a")} == {(0, os.getegid())}


def test_only_exclusive_removes_other_files_and_no_directories(path: pathlib.Path) -> None:
    reconcile(str(path), ["a"], False, False)
    (path / "kept").mkdir()
    (path / "a.new").write_text("an interrupted run's")
    (path / "link").symlink_to(path / "kept")
    assert not reconcile(str(path), ["a"], False, False)
    assert reconcile(str(path), ["a"], True, False) == Changes(removed=["a.new", "link"])
    assert sorted(os.listdir(path)) == ["a", "kept"]
    assert reconcile(str(path), [], True, False) == Changes(removed=["a"])


@pytest.mark.parametrize("text", ["", WHOLE[:-1], f"{WHOLE}\n", f"{WHOLE}0", "x" * 64, None])
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_file_that_is_no_secret_is_an_error_and_nothing_changes(
    path: pathlib.Path, text: str | None, check_mode: bool
) -> None:
    path.mkdir(parents=True)
    (path / "broken").mkdir() if text is None else (path / "broken").write_text(text)
    (path / "old").write_text("")
    with pytest.raises(ValueError, match=f"^{path}/broken is no file of 64 hexadecimal digits") as error:
        reconcile(str(path), ["broken", "a"], True, check_mode)
    assert not text or text not in str(error.value)
    assert sorted(os.listdir(path)) == ["broken", "old"]


def test_links_are_not_followed(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text(WHOLE)
    for target in (tmp_path / "elsewhere", tmp_path / "nowhere"):
        (path / "a").unlink(missing_ok=True)
        (path / "a").symlink_to(target)
        with pytest.raises(ValueError, match="is no file of 64"):
            reconcile(str(path), ["a"], False, False)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(ValueError, match="is a link"):
        reconcile(f"{tmp_path}/link/", ["a"], False, False)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/shadow", "a.new", "a b", "a\n"])
def test_a_name_cannot_leave_the_directory(path: pathlib.Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a secret"):
        reconcile(str(path), ["good", name], False, False)
    assert not path.exists()


def test_runs_at_the_same_time_agree(path: pathlib.Path) -> None:
    names = [f"n{number}" for number in range(5)]
    with ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _number: reconcile(str(path), names, True, False), range(16)))
    assert sorted(name for changes in runs for name in changes.created) == names
    assert not reconcile(str(path), names, True, False)


def test_a_file_that_another_program_creates_meanwhile_stays(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = secret_files.atomic.stage

    def slow(place: str, data: bytes, mode: int) -> str:
        pathlib.Path(place).write_text(WHOLE)
        return stage(place, data, mode)

    monkeypatch.setattr(secret_files.atomic, "stage", slow)
    with pytest.raises(FileExistsError):
        reconcile(str(path), ["a"], False, False)
    assert contents(path) == {"a": WHOLE}
