"""Interpreters: real ones, missing ones, broken ones."""

from __future__ import annotations

import errno
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.interpreter import Interpreter, probe


def run_command(argv: list[str], handle_exceptions: bool) -> tuple[int, str, str]:
    assert not handle_exceptions
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_running_interpreter_is_recognised() -> None:
    interpreter = probe(run_command, sys.executable)
    assert interpreter is not None
    assert interpreter.version == ".".join(map(str, sys.version_info[:3]))
    assert interpreter.tag == f"{sys.implementation.name}-{sys.version_info[0]}.{sys.version_info[1]}"
    environment = interpreter.marker_environment()
    assert environment["sys_platform"] == sys.platform
    assert environment["python_version"] == interpreter.minor


@pytest.mark.parametrize("script", [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\n", "#!/nonexistent/python\n"])
def test_what_does_not_start_is_none(tmp_path: pathlib.Path, script: str | None) -> None:
    path = tmp_path / "python"
    if script is not None:
        path.write_text(script)
        path.chmod(0o755)
    assert probe(run_command, str(path)) is None


def test_a_machine_without_memory_is_no_broken_interpreter() -> None:
    def without_memory(_argv: list[str], **_settings: object) -> tuple[int, str, str]:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with pytest.raises(OSError, match="Cannot allocate memory"):
        probe(without_memory, "/usr/bin/python3")


@pytest.mark.parametrize(
    ("version", "floor", "enough"),
    [("3.11.2", "3.10", True), ("3.10.0", "3.10", True), ("3.9.18", "3.10", False), ("3.11.2", "3.11.5", False)],
)
def test_the_floor(version: str, floor: str, enough: bool) -> None:
    assert Interpreter("/usr/bin/python3", "cpython", version).at_least(floor) is enough
