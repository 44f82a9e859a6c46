"""The module with certificates of this host alone: its result, check mode, and what an error does."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import certbot, deploy, reconcile, store
from ansible_collections.nbops.jupyter.plugins.modules import certificates

GOOD = {"name": "lab", "method": "self_signed", "domains": ["a.org"]}
BROKEN = {"name": "torn", "method": "provided", "domains": ["a.org"], "certificate": "hello", "key": "correct horse"}
MESSAGE = "torn: the certificate's file holds no certificate in PEM form"


@pytest.fixture(autouse=True)
def paths(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the module writes is below a directory of the test. No service runs there."""
    for module in certbot, deploy, reconcile:
        monkeypatch.setattr(module, "LIVE", str(tmp_path / "letsencrypt/live"))
    for module in certbot, reconcile:
        monkeypatch.setattr(module, "CREDENTIALS", str(tmp_path / "letsencrypt/dns"))
    for name in "SETTINGS", "HOOK", "LIBRARY", "PROGRAM":
        monkeypatch.setattr(reconcile, name, str(tmp_path / "host" / name.lower()))
    monkeypatch.setattr(store, "PENDING", str(tmp_path / "pending"))
    monkeypatch.setattr(deploy, "_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(deploy, "_run", lambda *_argv: (0, ""))


@pytest.fixture
def run(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def call(*entries: dict[str, Any], check: bool = False, **parameters: Any) -> dict[str, Any]:
        options = {"directory": str(tmp_path / "ssl"), "program": "", "_ansible_check_mode": check, **parameters}
        with patch_module_args({"certificates": list(entries), **options}), pytest.raises(SystemExit):
            certificates.main()
        return json.loads(capsys.readouterr().out)

    return call


def test_check_mode_predicts_what_the_next_run_does(run: Callable, tmp_path: pathlib.Path) -> None:
    predicted = run(GOOD, check=True)
    assert list(tmp_path.iterdir()) == []
    done = run(GOOD)
    assert {**done, "invocation": {}} == {**predicted, "invocation": {}}
    assert (done["changed"], done["ordered"], done["deployed"], done["removed"]) == (True, {}, ["lab"], [])
    assert [entry["name"] for entry in done["declared"]] == ["lab"]
    assert (tmp_path / "ssl/lab/fullchain.pem").exists()
    assert not run(GOOD)["changed"]


@pytest.mark.parametrize("check", [True, False])
def test_a_removal_is_predicted_and_done_once(run: Callable, tmp_path: pathlib.Path, check: bool) -> None:
    run(GOOD)
    absent = {**GOOD, "state": "absent"}
    result = run(absent, check=check)
    assert (result["changed"], result["removed"], result["declared"]) == (True, ["lab"], [])
    assert (tmp_path / "ssl/lab").exists() == check
    assert run(absent)["changed"] == check
    assert not run(absent)["changed"]


@pytest.mark.parametrize(
    ("on_failure", "failed", "warned"), [("fail", True, False), ("warn", False, True), ("ignore", False, False)]
)
def test_a_failure_fails_the_task_or_warns_after_the_others_are_deployed(
    run: Callable, tmp_path: pathlib.Path, warnings: list[str], on_failure: str, failed: bool, warned: bool
) -> None:
    result = run(BROKEN, GOOD, on_failure=on_failure)
    assert (result["deployed"], list(result["failures"])) == (["lab"], ["torn"])
    assert result.get("failed", False) == failed
    assert result.get("msg", "").startswith(MESSAGE) == failed
    assert warnings == ([MESSAGE] if warned else [])
    assert "horse" not in json.dumps({**result, "invocation": {}})
    assert (tmp_path / "ssl/torn/fullchain.pem").read_bytes().startswith(deploy.PLACEHOLDER)


def test_in_check_mode_a_failure_is_a_warning(run: Callable, warnings: list[str]) -> None:
    result = run(BROKEN, GOOD, check=True)
    assert (result["deployed"], result["failures"]) == (["lab"], {})
    assert warnings == [MESSAGE]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("text", ["", '{"certificates": [{"na', "[]"])
def test_damaged_settings_are_said_and_nothing_that_they_kept_is_forgotten(
    run: Callable, tmp_path: pathlib.Path, text: str, check: bool
) -> None:
    run({**GOOD, "name": "of another play"})
    settings = tmp_path / "host/settings"
    settings.write_text(text)
    result = run(GOOD, check=check)
    assert result["failed"]
    assert f"{settings} is damaged" in result["msg"]
    assert settings.read_text() == text
    assert not (tmp_path / "ssl/lab").exists()
    # As the message says.
    settings.unlink()
    assert [entry["name"] for entry in run(GOOD)["declared"]] == ["lab"]


def test_a_file_that_cannot_be_written_fails_before_any_certificate_changes(
    run: Callable, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "host").write_text("")
    result = run(GOOD)
    assert result["msg"].endswith(". The certificates that existed are unchanged.")
    assert not (tmp_path / "ssl").exists()
