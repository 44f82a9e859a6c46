"""The state before a change is saved as a whole, and restored by a script of the host's own shell."""

from __future__ import annotations

import pathlib
import subprocess

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.pending_change import PendingChange
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.tools import FirewallError


class Backend:
    """A packet filter whose rules are a file."""

    def __init__(self, rules: pathlib.Path) -> None:
        self.rules = rules

    def save(self, directory: str) -> None:
        pathlib.Path(directory, "rules").write_text(self.rules.read_text())

    def restoring(self, directory: str) -> str:
        return f"cp {directory}/rules {self.rules}"


@pytest.fixture
def backend(tmp_path: pathlib.Path) -> Backend:
    rules = tmp_path / "filter"
    rules.write_text("before")
    return Backend(rules)


@pytest.fixture
def commands() -> list[list[str]]:
    """What was run, but for the shell."""
    return []


@pytest.fixture
def pending(tmp_path: pathlib.Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> PendingChange:
    def run(argv: list[str]) -> tuple[int, str, str]:
        if argv[0] != "/bin/sh":
            commands.append(argv)
            return 0, "inactive\n", ""
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    monkeypatch.setattr(PendingChange, "DIRECTORY", str(tmp_path / "pending"))
    return PendingChange(run)


def left(tmp_path: pathlib.Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_change_is_reverted(pending, backend, tmp_path):
    pending.begin(backend, 60, "after")
    assert pending.is_pending()
    assert pending.saved("rules") == "before"
    assert pathlib.Path(pending.wanted_path()).read_text() == "after"
    backend.rules.write_text("after")
    pending.revert()
    assert backend.rules.read_text() == "before"
    assert not pending.is_pending()
    assert left(tmp_path) == ["filter"]


def test_the_timer_runs_the_script(pending, backend, commands):
    pending.begin(backend, 90)
    backend.rules.write_text("after")
    (timer,) = commands
    assert (timer[0], "--on-active=90" in timer) == ("systemd-run", True)
    subprocess.run(timer[-2:], check=True)
    assert backend.rules.read_text() == "before"
    # What the host has reverted is in effect again, and what was saved is no longer of use.
    assert not pending.end()
    assert pending.is_pending()
    assert pending.saved("rules") is None


def test_what_the_host_has_reverted_is_not_reverted_again(pending, backend):
    pending.begin(backend, 60)
    subprocess.run(["/bin/sh", f"{pending.DIRECTORY}/restore"], check=True)
    backend.rules.write_text("somebody's own")
    pending.revert()
    assert backend.rules.read_text() == "somebody's own"


def test_a_script_that_fails_is_an_error_and_can_be_run_again(pending, backend, tmp_path):
    pending.begin(backend, 60)
    backend.rules.rename(tmp_path / "away")
    backend.rules.mkdir()
    (backend.rules / "rules").mkdir()
    with pytest.raises(FirewallError, match=r"overwrite|directory"):
        pending.revert()
    assert pending.is_pending()
    (backend.rules / "rules").rmdir()
    backend.rules.rmdir()
    assert pending.revert() == []
    assert left(tmp_path) == ["away", "filter"]


def test_a_change_whose_way_back_is_gone_stays_and_keeps_no_run_from_going_on(pending, backend, tmp_path):
    pending.begin(backend, 60)
    backend.rules.write_text("after")
    saved = tmp_path / "pending" / "rules"
    saved.unlink()
    assert pending.revert() == [str(saved)]
    assert backend.rules.read_text() == "after"
    assert left(tmp_path) == ["filter"]
    pending.begin(backend, 60)
    assert pending.saved("rules") == "after"


def test_what_a_killed_run_left_is_replaced(pending, backend, tmp_path):
    for name in ("pending", "pending.draft"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules").write_text("half of")
    assert not pending.is_pending()
    assert pending.saved("rules") is None
    pending.begin(backend, 60)
    assert pending.saved("rules") == "before"
    assert left(tmp_path) == ["filter", "pending"]


def test_a_saved_state_is_never_replaced(pending, backend):
    pending.begin(backend, 60)
    backend.rules.write_text("after")
    with pytest.raises(OSError, match="not empty"):
        pending.begin(backend, 60)
    assert pending.saved("rules") == "before"
