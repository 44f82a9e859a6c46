"""People at work while the web server's configuration changes under them."""

from __future__ import annotations

import concurrent.futures
import socket

import pytest
from notebook_client import NotebookClient

TOKEN = "0123456789abcdef0123456789abcdef"
REQUESTS, VISITORS, RELOADS = 10_000, 4, 20
# Counts aloud until a file appears in its directory.
CELL = """
import pathlib, time
count, end = 0, pathlib.Path("end")
end.unlink(missing_ok=True)
while not end.exists():
    print(count, flush=True)
    count += 1
    time.sleep(0.05)
"""


@pytest.fixture
def lab(host, address: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> NotebookClient:
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda name, *rest, **named: real(address if name == "lab.example.org" else name, *rest, **named),
    )
    ca = tmp_path / "ca.pem"
    ca.write_text(host.file("/etc/ssl/jupyter/lab.example.org/fullchain.pem").content_string)
    return NotebookClient("https://lab.example.org/", ca=str(ca), token=TOKEN)


def test_no_request_fails_and_a_cell_runs_on_across_reloads(host, visitor, lab, failures):
    def ask_without_pause(requests: int) -> list[int]:
        return [visitor.ask("lab.example.org", "/api").status for dummy in range(requests)]

    with lab.kernel() as kernel, concurrent.futures.ThreadPoolExecutor() as pool:
        counting = pool.submit(kernel.run, CELL, timeout=600)
        visits = [pool.submit(ask_without_pause, REQUESTS // VISITORS) for dummy in range(VISITORS)]
        for dummy in range(RELOADS):
            host.check_output("systemctl reload nginx")
        statuses = [status for visit in visits for status in visit.result()]
        lab.put("api/contents/end", {"type": "file", "format": "text", "content": ""}).raise_for_status()
        counted = counting.result().split()
        assert statuses == [200] * REQUESTS
        assert counted == [str(number) for number in range(len(counted))]
        assert len(counted) > RELOADS
        assert kernel.run("count") == str(len(counted))
    assert set(failures().values()) == {0}


def test_maintenance_shows_a_page_and_leaves_kernels_alone(visitor, lab, play, failures):
    with lab.kernel() as kernel:
        kernel.run("answer = 6*7")
        play(maintenance=True)
        answer = visitor.ask("lab.example.org", "/lab")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "300")
        assert b"Down for maintenance" in answer.body
        assert visitor.ask("lab.example.org", "/").headers["Strict-Transport-Security"] == "max-age=63072000"
        assert kernel.run("answer") == "42"
        play(maintenance=False)
        assert visitor.ask("lab.example.org", "/api").status == 200
        assert kernel.run("answer + 1") == "43"
    assert set(failures().values()) == {0}
