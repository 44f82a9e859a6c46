"""The module with the real openssl: what it predicts, creates, removes and refuses."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import placeholder_certificate

FILES = ["fullchain.pem", "privkey.pem"]


@pytest.fixture
def run(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def call(*, check: bool = False, **parameters: Any) -> dict[str, Any]:
        options = {"directory": f"{tmp_path}/ssl/", "_ansible_check_mode": check, **parameters}
        with patch_module_args(options), pytest.raises(SystemExit):
            placeholder_certificate.main()
        return json.loads(capsys.readouterr().out)

    return call


def outcome(result: dict[str, Any]) -> tuple[bool, list[str], list[str]]:
    return result["changed"], result["created"], result["removed"]


def test_check_mode_predicts_what_the_next_run_does(run: Callable, tmp_path: pathlib.Path) -> None:
    wanted = {"certificates": {"lab": ["a.org", "192.0.2.10"], "hub": ["b.org"]}}
    assert outcome(run(check=True, **wanted)) == (True, ["lab", "hub"], [])
    assert list(tmp_path.iterdir()) == []
    assert outcome(run(**wanted)) == (True, ["lab", "hub"], [])
    for name in "lab", "hub":
        assert sorted(path.name for path in (tmp_path / "ssl" / name).iterdir()) == FILES
    assert outcome(run(**wanted)) == (False, [], [])

    changed = {"certificates": {"lab": ["other.org"]}, "unused": ["hub"]}
    assert outcome(run(check=True, **changed)) == (True, ["lab"], ["hub"])
    assert outcome(run(**wanted)) == (False, [], [])
    assert outcome(run(**changed)) == (True, ["lab"], ["hub"])
    assert [path.name for path in (tmp_path / "ssl").iterdir()] == ["lab"]


def test_a_real_certificate_is_neither_replaced_nor_removed(run: Callable, tmp_path: pathlib.Path) -> None:
    home = tmp_path / "ssl" / "lab"
    home.mkdir(parents=True)
    (home / "fullchain.pem").write_text("real")
    assert outcome(run(certificates={"lab": ["a.org"]})) == (False, [], [])
    assert outcome(run(unused=["lab"])) == (False, [], [])
    assert (home / "fullchain.pem").read_text() == "real"


@pytest.mark.parametrize("named", [True, False])
def test_an_unused_placeholder_is_kept_while_a_file_names_it(
    run: Callable, tmp_path: pathlib.Path, named: bool
) -> None:
    run(certificates={"lab": ["a.org"]})
    (tmp_path / "nginx").mkdir()
    text = f"ssl_certificate {tmp_path}/ssl/lab/fullchain.pem;" if named else ""
    (tmp_path / "nginx/site.conf").write_text(text)
    assert run(unused=["lab"], users=str(tmp_path / "nginx"))["removed"] == ([] if named else ["lab"])
    assert (tmp_path / "ssl/lab").exists() == named


def test_a_needed_placeholder_is_not_removed(run: Callable) -> None:
    wanted = {"certificates": {"lab": ["a.org"]}, "unused": ["lab"]}
    assert [outcome(run(**wanted)) for dummy in range(2)] == [(True, ["lab"], []), (False, [], [])]


@pytest.mark.parametrize(
    "wrong",
    [
        {"certificates": {"../lab": ["a.org"]}},
        {"certificates": {"lab": ["a.org\nfoo"]}},
        {"certificates": {"lab": [""]}},
        {"unused": [".."]},
    ],
)
def test_a_name_that_could_leave_the_directory_or_its_field_is_refused(
    run: Callable, tmp_path: pathlib.Path, wrong: dict[str, Any]
) -> None:
    result = run(**{"certificates": {"good": ["a.org"]}, **wrong})
    assert result["msg"].endswith("is neither a host name nor an address, nor a certificate's name.")
    assert list(tmp_path.iterdir()) == []


def test_an_error_says_what_is_wrong(run: Callable, tmp_path: pathlib.Path) -> None:
    home = tmp_path / "ssl" / "lab"
    home.mkdir(parents=True)
    (home / "privkey.pem").write_text("garbage")
    result = run(certificates={"lab": ["a.org"]})
    assert result["msg"].startswith("The placeholders could not be created or removed: openssl req: ")
    assert "garbage" not in result["msg"]
