"""The readiness check against real sockets."""

from __future__ import annotations

import inspect
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import readiness as systemd_wait_ready

ANSWERS = [
    (b"HTTP/1.1 200 OK\r\n\r\n", None),
    (b"HTTP/1.0 302 Found\r\n\r\n", None),
    (b"HTTP/1.1 403\r\n\r\n", None),
    (b"HTTP/1.1 500 Oops\r\n\r\n", "HTTP status 500"),
    (b"HTTP/1.1 503 Starting\r\n\r\n", "HTTP status 503"),
    (b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP"),
    (b"HTTP/1.1 twohundred\r\n", "the answer is not HTTP"),
    (b"", "the answer is not HTTP"),
]


class Server(threading.Thread):
    """Answers every connection with the same bytes and remembers what it was asked."""

    def __init__(self, listener: socket.socket, answer: bytes):
        super().__init__(daemon=True)
        self.listener, self.answer, self.asked = listener, answer, b""

    def run(self) -> None:
        while True:
            try:
                connection, _peer = self.listener.accept()
            except OSError:
                return
            with connection:
                self.asked = connection.recv(1000)
                connection.sendall(self.answer)


@pytest.fixture
def listener(tmp_path: pathlib.Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "service.sock"))
        listener.listen()
        yield listener
        listener.shutdown(socket.SHUT_RDWR)


def check(*arguments: str, options: str = "-IS", **environment: str) -> subprocess.CompletedProcess:
    """The script as systemd runs it: isolated, from its own text."""
    return subprocess.run(
        [sys.executable, *options.split(), "-c", inspect.getsource(systemd_wait_ready), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(("answer", "reason"), ANSWERS, ids=[repr(answer) for answer, _reason in ANSWERS])
def test_answers(listener: socket.socket, answer: bytes, reason: str | None) -> None:
    server = Server(listener, answer)
    server.start()
    result = check("--url", "http://name/page?q=1", "--socket", listener.getsockname(), "--timeout", "0.2")
    assert server.asked.startswith(b"GET /page?q=1 HTTP/1.1\r\nHost: name\r\n")
    if reason is None:
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert result.returncode == 1
        assert result.stderr == f"not ready: http://name/page?q=1: no answer within 0.2 seconds, at last: {reason}\n"


def test_a_socket_alone_is_connected_to(listener: socket.socket) -> None:
    assert check("--socket", listener.getsockname(), "--timeout", "1").returncode == 0


def test_tcp_alone_is_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert check("--url", f"tcp://127.0.0.1:{listener.getsockname()[1]}", "--timeout", "1").returncode == 0


def test_a_plain_question_loads_few_modules(listener: socket.socket) -> None:
    """It is asked at each start of a unit, and loading modules is most of its cost."""
    result = check("--socket", listener.getsockname(), "--timeout", "1", options="-IS -X importtime")
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "socket" in loaded
    assert "ssl" not in loaded
    assert len(loaded) < 100


def test_waits_for_a_late_service(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "late.sock")

    def come_late() -> None:
        time.sleep(0.5)
        listener.bind(path)
        listener.listen()

    with socket.socket(socket.AF_UNIX) as listener:
        thread = threading.Thread(target=come_late)
        thread.start()
        assert check("--socket", path, "--timeout", "10").returncode == 0
        thread.join()


def test_gives_up_at_once_when_the_main_process_has_gone(tmp_path: pathlib.Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    started = time.monotonic()
    result = check("--socket", str(tmp_path / "none"), "--timeout", "20", MAINPID=str(gone.pid))
    assert result.stderr == f"not ready: {tmp_path}/none: its main process has ended\n"
    assert time.monotonic() - started < 5


def test_waits_on_while_the_main_process_lives(tmp_path: pathlib.Path) -> None:
    result = check("--socket", str(tmp_path / "none"), "--timeout", "0.2", MAINPID=str(os.getpid()))
    assert "no answer within 0.2 seconds, at last: [Errno 2]" in result.stderr


def test_a_process_of_another_user_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_process_id: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert not systemd_wait_ready.has_gone(1)
