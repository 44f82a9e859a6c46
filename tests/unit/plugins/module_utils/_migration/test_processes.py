"""Servers that people started themselves, told from those that units run."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._migration import processes
from ansible_collections.nbops.jupyter.plugins.module_utils._migration.processes import Process

LAB = ["/srv/venv/bin/python", "/srv/venv/bin/jupyter-lab", "--port=9999"]
SESSION = "1:name=systemd:/user.slice/user-1000.slice/session-3.scope\n"


@pytest.fixture
def proc(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(processes, "PROC", str(tmp_path))
    (tmp_path / "uptime").write_text("1")
    return tmp_path


def add(proc: pathlib.Path, pid: int, command: list[str], cgroup: str) -> None:
    place = proc / str(pid)
    place.mkdir()
    (place / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))
    (place / "cgroup").write_text(cgroup)
    (place / "cwd").symlink_to("/home/ada")


@pytest.mark.parametrize(
    ("command", "cgroup", "found"),
    [
        (LAB, SESSION, True),
        (LAB, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n", True),
        (LAB, "0::/system.slice/jupyterlab-ada.service\n", False),
        (LAB, "9:memory:/\n1:name=systemd:/system.slice/jupyterhub.service\n", False),
        (["/usr/bin/vi", "jupyter-lab"], SESSION, False),
        ([], SESSION, False),
    ],
)
def test_which_are_nobodys(proc: pathlib.Path, command: list[str], cgroup: str, found: bool) -> None:
    add(proc, 7, command, cgroup)
    expected = [Process(7, " ".join(LAB), "/home/ada")] if found else []
    assert processes.outside_units(os.geteuid()) == expected
    assert processes.outside_units(os.geteuid() + 1) == []


def test_a_process_that_nobody_may_look_into_is_no_obstacle(
    proc: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_path: str) -> str:
        raise PermissionError

    add(proc, 1, ["/sbin/init"], SESSION)
    monkeypatch.setattr(os, "readlink", denied)
    assert processes.outside_units(os.geteuid()) == []


@pytest.mark.parametrize("ignores", [False, True])
def test_what_is_ended_is_gone(monkeypatch: pytest.MonkeyPatch, ignores: bool) -> None:
    monkeypatch.setattr(processes, "TERMINATION_SECONDS", 0.2)
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if ignores else ""
    code = f"import signal, time; {deaf}print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        processes.end([Process(child.pid, "", "/")])
        assert child.wait() == (-9 if ignores else -15)
