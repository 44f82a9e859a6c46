"""The module returns names, and never a secret."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import secret_files


def run(capsys: pytest.CaptureFixture[str], **parameters: object) -> dict:
    with patch_module_args(parameters), pytest.raises(SystemExit):
        secret_files.main()
    return json.loads(capsys.readouterr().out)


def test_the_result_holds_no_secret(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {"path": str(tmp_path / "secrets"), "names": ["b", "a"], "exclusive": True}
    predicted = run(capsys, **wanted, _ansible_check_mode=True)
    assert list(tmp_path.iterdir()) == []
    made = run(capsys, **wanted)
    assert {**made, "invocation": {}} == {**predicted, "invocation": {}}
    assert (made["changed"], made["created"], made["repaired"], made["removed"]) == (True, ["a", "b"], [], [])
    again = run(capsys, **wanted)
    assert (again["changed"], again["created"]) == (False, [])
    for name in ("a", "b"):
        assert (tmp_path / "secrets" / name).read_text() not in json.dumps([made, again])


def test_an_error_names_the_file_and_not_its_content(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text("hunter2")
    failed = run(capsys, path=str(tmp_path), names=["a"])
    assert failed["failed"]
    assert str(tmp_path / "a") in failed["msg"]
    assert "hunter2" not in json.dumps(failed)


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_lost_secret_is_told(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    check_mode: bool,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(secret_files.AnsibleModule, "warn", lambda _module, text: told.append(text))
    proof = tmp_path / "database"
    wanted = {"path": str(tmp_path / "secrets"), "names": ["a", "b"], "proof": {"a": str(proof)}}
    assert run(capsys, **wanted)["lost"] == []
    proof.touch()
    for name in ("a", "b"):
        (tmp_path / "secrets" / name).unlink()
    result = run(capsys, **wanted, _ansible_check_mode=check_mode)
    assert (result["created"], result["lost"]) == (["a", "b"], ["a"])
    (warning,) = told
    assert warning.startswith(f"{tmp_path}/secrets/a was lost, ")
    assert "restore it from a backup" in warning
