"""The mark of files that their service has not loaded: committed, rolled back, and left by a killed run."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._files.pending import PendingLoad


class KilledError(BaseException):
    """Ends a run as SIGKILL does: no handler catches it."""


@pytest.fixture
def mark(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "run" / "service.pending"


def test_the_mark_exists_while_the_files_change_and_not_afterwards(mark: pathlib.Path) -> None:
    pending = PendingLoad(str(mark))
    assert not pending.exists()
    with pending.transaction(undo=lambda: pytest.fail("nothing failed")):
        assert pending.exists()
    assert not pending.exists()
    assert mark.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_failure_is_undone_and_the_mark_is_as_before(mark: pathlib.Path, interrupted: bool) -> None:
    pending, undone = PendingLoad(str(mark)), []
    if interrupted:
        pending.begin()
    with (
        pytest.raises(OSError, match="disk full"),
        PendingLoad(str(mark)).transaction(undo=lambda: undone.append(pending.exists())),
    ):
        raise OSError("disk full")
    assert undone == [True], "the mark still exists while the files are restored"
    assert pending.exists() == interrupted


def test_a_failing_undo_leaves_the_mark_to_the_next_run(mark: pathlib.Path) -> None:
    def undo() -> None:
        raise OSError("disk still full")

    pending = PendingLoad(str(mark))
    with pytest.raises(OSError, match="disk still full"), pending.transaction(undo):
        raise ValueError("rejected")
    assert pending.exists()


def test_a_killed_run_undoes_nothing_and_leaves_the_mark(mark: pathlib.Path) -> None:
    pending = PendingLoad(str(mark))
    with pytest.raises(KilledError), pending.transaction(undo=lambda: pytest.fail("a killed run does nothing")):
        raise KilledError
    assert pending.exists()
    with pending.transaction(undo=lambda: None):
        pass
    assert not pending.exists()
