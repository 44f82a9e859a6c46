"""What belongs to the id of a release, in check mode, which builds none."""

from __future__ import annotations

import pathlib
import subprocess
from types import SimpleNamespace

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.store import release_id
from ansible_collections.nbops.jupyter.plugins.modules import python_release

LOCK = "alpha==1.0 --hash=sha256:aa"


def run_command(argv: list[str], **_settings: object) -> tuple[int, str, str]:
    done = subprocess.run(argv, capture_output=True, check=False, text=True)
    return done.returncode, done.stdout, done.stderr


def predict(path: pathlib.Path, **parameters: object) -> dict:
    """The result of the module in check mode."""
    defaults = {name: option.get("default") for name, option in python_release.ARGUMENT_SPEC.items()}
    given = {"path": str(path / "app"), "lock": LOCK, "installer": "pip", "python_floor": "3.9", **parameters}
    module = SimpleNamespace(params={**defaults, **given}, check_mode=True, run_command=run_command)
    return python_release.Present(module).run()


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory of a test may be anybody's."""
    monkeypatch.setattr(python_release, "require_own", lambda _path: None)


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
