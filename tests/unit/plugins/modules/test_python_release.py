"""What belongs to the id of a release, in check mode, which builds none."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import (
    ReleaseStore,
    content_size,
    release_id,
)
from ansible_collections.nbops.jupyter.plugins.modules import python_release

LOCK = "alpha==1.0 --hash=sha256:aa"


def run_command(argv: list[str], **_settings: object) -> tuple[int, str, str]:
    done = subprocess.run(argv, capture_output=True, check=False, text=True)
    return done.returncode, done.stdout, done.stderr


def predict(path: pathlib.Path, **parameters: object) -> dict:
    """The result of the module in check mode."""
    defaults = {name: option.get("default") for name, option in python_release.ARGUMENT_SPEC.items()}
    given = {"path": str(path / "app"), "lock": LOCK, "installer": "pip", "python_floor": "3.9", **parameters}
    warnings: list[str] = []
    module = SimpleNamespace(
        params={**defaults, **given}, check_mode=True, run_command=run_command, warn=warnings.append
    )
    return {**python_release.Present(module).run(), "warnings": warnings}


def built(path: pathlib.Path, **parameters: object) -> pathlib.Path:
    """The directory of a release that is built as the parameters say, and current."""
    store = ReleaseStore(str(path / "app"))
    release = pathlib.Path(store.directory(store.begin(predict(path, **parameters)["release_id"])))
    python = python_release.shutil.which("python3", path=python_release.SYSTEM_PATH)
    for folder in ("bin", "lib"):
        (release / folder).mkdir()
    (release / "bin/python").symlink_to(python)
    (release / "lib/module.py").write_text("half")
    tag = python_release.probe(run_command, python).tag
    marker = {"python": {"tag": tag}, "packages": {"alpha": "1.0"}, "content": content_size(str(release))}
    store.finish(release.name, marker)
    store.activate(release.name)
    return release


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory of a test may be anybody's."""
    monkeypatch.setattr(python_release, "require_own", lambda _path: None)


def test_a_release_that_another_host_names_stays_however_old(tmp_path: pathlib.Path) -> None:
    named, old, *_newer = (built(tmp_path, refresh=refresh).name for refresh in ("1", "2", "3", "4"))
    assert predict(tmp_path, refresh="4", keep=2)["pruned"] == sorted([named, old])
    kept = predict(tmp_path, refresh="4", keep=2, retained=[named, "0123456789ab"])
    assert (kept["changed"], kept["pruned"]) == (True, [old])


def test_a_release_without_files_keeps_the_id_from_before_there_were_any(tmp_path: pathlib.Path) -> None:
    probed = python_release.probe(run_command, python_release.shutil.which("python3", path=python_release.SYSTEM_PATH))
    shape = {"lock": [LOCK], "packages": [], "refresh": "", "setup_commands": [], "overlay": False, "compress": []}
    assert predict(tmp_path)["release_id"] == release_id({**shape, "python": probed.tag})


def test_another_file_is_another_release(tmp_path: pathlib.Path) -> None:
    all_files = [{}, {"a": ""}, {"b": ""}, {"a": "text"}, {"a": "", "b": ""}]
    results = [predict(tmp_path, files=files) for files in all_files]
    assert len({result["release_id"] for result in results}) == len(all_files)
    assert all(result["changed"] for result in results)
    assert predict(tmp_path, files={"b": "", "a": ""})["release_id"] == results[-1]["release_id"]
    assert list(tmp_path.iterdir()) == []


def test_a_file_outside_is_refused_before_anything_else(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="no place inside a release"):
        predict(tmp_path, files={"../a": ""})


@pytest.mark.parametrize(
    ("damage", "is_new"),
    [
        pytest.param(lambda _release: None, False, id="none"),
        pytest.param(lambda release: (release / "lib/module.py").write_text("ha"), True, id="half a file"),
        pytest.param(lambda release: (release / "lib/module.py").unlink(), True, id="a lost file"),
        pytest.param(lambda release: (release / "lib/other.py").write_text("more"), False, id="one more file"),
        pytest.param(lambda release: (release / "release.json").touch(), False, id="another activation"),
    ],
)
def test_a_damaged_release_gives_way(tmp_path: pathlib.Path, damage: Callable, is_new: bool) -> None:
    release = built(tmp_path)
    damage(release)
    result = predict(tmp_path)
    assert (result["changed"], len(result["warnings"])) == (is_new, int(is_new))
    assert result["release_id"] == release.name + ("-2" if is_new else "")


def test_the_link_changes_with_the_release_alone(tmp_path: pathlib.Path) -> None:
    link = str(tmp_path / "app/current")
    assert predict(tmp_path)["changed_files"] == [link]
    for refresh in ("2", "1", ""):
        built(tmp_path, refresh=refresh)
    result = predict(tmp_path, keep=2)
    # Whoever runs from the release would not be restarted for one that is removed.
    assert (result["changed"], len(result["pruned"]), result["changed_files"]) == (True, 1, [])
    assert predict(tmp_path, refresh="3")["changed_files"] == [link]
