"""Locks: for one at a time, in files that nobody else can open, and gone afterwards."""

from __future__ import annotations

import pathlib
import threading
import time

from ansible_collections.nbops.jupyter.plugins.module_utils._files.locks import alone, lock_of


def test_one_after_the_other(tmp_path: pathlib.Path) -> None:
    lock, inside, most = str(tmp_path / "lock"), [], []

    def work() -> None:
        for dummy in range(50):
            with alone(lock):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0)  # lets another thread run, which must not come in
                inside.pop()

    threads = [threading.Thread(target=work) for dummy in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (400, 1)


def test_nobody_else_can_open_a_lock(tmp_path: pathlib.Path) -> None:
    lock = tmp_path / "lock"
    with alone(str(lock)):
        assert lock.stat().st_mode & 0o777 == 0o600


def test_nothing_is_left(tmp_path: pathlib.Path) -> None:
    with alone(str(tmp_path / "lock")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_all_spellings_of_a_directory_have_one_lock(tmp_path: pathlib.Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "app")
    assert lock_of(f"{tmp_path}/app/") == lock_of(f"{tmp_path}/./link") != lock_of(f"{tmp_path}/other")
