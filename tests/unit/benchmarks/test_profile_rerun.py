"""The processor time of a task is the sum of its workers'."""

from __future__ import annotations

import cProfile
import pathlib

from profile_rerun import seconds_of_tasks


def test_workers_of_one_task_are_added_up(tmp_path: pathlib.Path) -> None:
    ticks = iter(range(1000))
    paths = [
        tmp_path / name
        for name in ("11-nginx : install | Look - at it.prof", "12-nginx : install | Look - at it.prof", "13-Ping.prof")
    ]
    for path in paths:
        profile = cProfile.Profile(lambda: next(ticks), 1.0)
        profile.runcall(sorted, [])
        profile.dump_stats(path)
    seconds = seconds_of_tasks(paths)
    assert set(seconds) == {"nginx : install | Look - at it", "Ping"}
    assert seconds["nginx : install | Look - at it"] == 2 * seconds["Ping"] > 0
