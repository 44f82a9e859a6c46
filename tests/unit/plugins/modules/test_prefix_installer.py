"""Prefixes are installed, kept and removed as planned; the installer is a small script."""

from __future__ import annotations

import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.nbops.jupyter.plugins.modules import prefix_installer

SCRIPT = b"""
mkdir -p "$3/bin"
printf '#!/bin/sh\\n' > "$3/bin/python"
chmod 0755 "$3/bin/python"
"""


class Host:
    """A directory for prefixes, and an installer beside it."""

    def __init__(self, root: pathlib.Path) -> None:
        self.opt, self.installer = root / "opt", root / "installer.sh"
        self.opt.mkdir()
        self.installer.write_bytes(SCRIPT)

    def entry(self, name: str = "forge", **more: str) -> dict[str, str]:
        sha256 = hashlib.sha256(SCRIPT).hexdigest()
        return {"path": str(self.opt / name), "url": self.installer.as_uri(), "sha256": sha256, **more}

    def listing(self) -> list[str]:
        return sorted(str(path.relative_to(self.opt)) for path in self.opt.iterdir())


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(prefix_installer, "require_own", lambda _path: None)
    return Host(tmp_path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def module(*prefixes: dict, check: bool = False) -> dict[str, Any]:
        with (
            patch_module_args({"prefixes": list(prefixes), "_ansible_check_mode": check}),
            pytest.raises(SystemExit),
        ):
            prefix_installer.main()
        return json.loads(capsys.readouterr().out)

    return module


def outcome(result: dict) -> tuple[bool, list, list]:
    return result["changed"], result["installed"], result["removed"]


def test_install_keep_and_remove_as_predicted(host: Host, run: Callable[..., dict]) -> None:
    forge = str(host.opt / "forge")
    for entry, expected, left in (
        (host.entry(), (True, [forge], []), ["forge"]),
        (host.entry(), (False, [], []), ["forge"]),
        (host.entry(state="absent"), (True, [], [forge]), []),
        (host.entry(state="absent"), (False, [], []), []),
    ):
        before = host.listing()
        assert outcome(run(entry, check=True)) == expected
        assert host.listing() == before
        assert outcome(run(entry)) == expected
        assert host.listing() == left


def test_a_foreign_prefix_stays_and_keeps_the_others_from_changing(host: Host, run: Callable[..., dict]) -> None:
    (host.opt / "theirs").mkdir()
    assert not run(host.entry("theirs"))["changed"]
    for check in (True, False):
        result = run(host.entry(), host.entry("theirs", state="absent"), check=check)
        assert "theirs was made by somebody else: remove it by hand" in result["msg"]
        assert host.listing() == ["theirs"]


@pytest.mark.parametrize(
    ("more", "message"),
    [({"sha256": "0" * 64}, "was not run: compare both"), ({"url": "file:///nonexistent"}, "could not be fetched")],
)
def test_a_failure_leaves_nothing(host: Host, run: Callable[..., dict], more: dict, message: str) -> None:
    result = run(host.entry(**more))
    assert result["failed"]
    assert message in result["msg"]
    assert host.listing() == []


def test_leftovers_of_an_interrupted_run_are_removed(host: Host, run: Callable[..., dict]) -> None:
    (host.opt / ".forge.download").touch()
    assert run(host.entry(state="absent"), check=True)["changed"]
    assert host.listing() == [".forge.download"]
    assert run(host.entry(state="absent"))["changed"]
    assert host.listing() == []
