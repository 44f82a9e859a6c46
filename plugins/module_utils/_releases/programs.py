# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the programs of a build, and tells what went wrong."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._process.surroundings import DIRECTORIES
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox

SYSTEM_PATH = ":".join(DIRECTORIES)
CORES = len(os.sched_getaffinity(0))

_TAIL_LINES = 20
_TIMED_OUT = 124  # coreutils' timeout
# By what uv and pip say, what to do.
_ADVICE = (
    (
        re.compile(r"error sending request|NewConnectionError|ConnectTimeoutError|NameResolutionError"),
        "The package index did not answer: see whether this host reaches it, by python_venv_index_url, "
        "python_venv_proxy and python_venv_ca_bundle, or give a python_venv_wheelhouse; then run again. "
        "What ran before goes on.",
    ),
    (re.compile(r"No space left on device"), "Make room (df -h), or keep fewer releases, then run again."),
)


class BuildError(Exception):
    """A step of a build failed; the text is for the user and holds no credentials."""


class Programs:
    """Runs programs by an AnsibleModule's `run_command`; `scrub` takes credentials out of what they say."""

    def __init__(self, run_command: Callable[..., tuple[int, str, str]], scrub: Callable[[str], str]) -> None:
        self._run_command = run_command
        self._scrub = scrub
        self._locks: list[int] = []

    @contextlib.contextmanager
    def keeping(self, lock: int) -> Iterator[None]:
        """Programs without a time limit keep a lock (its file descriptor) until they end, even if we were killed.

        So nobody builds where the orphan of an interrupted build is still writing.
        """
        self._locks.append(lock)
        try:
            yield
        finally:
            self._locks.remove(lock)

    def run(
        self,
        argv: list[str],
        what: str,
        environment: dict[str, str],
        cwd: str = "/",
        timeout: int = 0,
        check: bool = True,
        sandbox: Sandbox | None = None,
    ) -> None:
        """Runs a program to its end, a foreign one in a sandbox.

        With `check`, raises BuildError with `what` and the tail of the output where the program cannot be started,
        fails, or takes more than `timeout` seconds (0 for no limit).
        """
        plain = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8"}
        environment = {**plain, **environment}
        argv = ["/usr/bin/timeout", "--kill-after=10", str(timeout), *argv]
        with contextlib.ExitStack() as stack:
            if sandbox:
                argv = stack.enter_context(sandbox.command(argv, environment, cwd))
                # What starts it is root's, and looks for nothing where packages have their programs.
                environment, cwd = plain, "/"
            status, output, errors = self._run_command(
                argv,
                environ_update=environment,
                cwd=cwd,
                expand_user_and_vars=False,
                pass_fds=[] if timeout else self._locks,
            )
        if status == 0 or not check:
            return
        timed_out = timeout and status == _TIMED_OUT
        how = f"took more than {timeout} seconds" if timed_out else f"failed with status {status}"
        tail = "\n".join(f"{output}\n{errors}".strip().splitlines()[-_TAIL_LINES:])
        advice = "" if sandbox else next((text for words, text in _ADVICE if words.search(tail)), "")
        raise BuildError("\n".join(filter(None, (f"{what} {how}", self._scrub(tail), advice))))

    def run_on_files(
        self, argv: list[str], paths: Iterable[str], at_once: int, what: str, scratch: str, check: bool = True
    ) -> None:
        """Runs a program on files, `at_once` of them at each start, with one process for each core.

        `scratch` is a directory for the list of the files. `what` and `check` are those of `run`.
        """
        with tempfile.NamedTemporaryFile("w", prefix=".files-", dir=scratch, encoding="utf-8") as names:
            names.write("\0".join(paths))
            names.flush()
            xargs = ["xargs", "--null", f"--arg-file={names.name}", f"--max-args={at_once}", f"--max-procs={CORES}"]
            self.run([*xargs, "--no-run-if-empty", *argv], what, {}, check=check)
