"""What a person and the journal read when memory runs out, with a directory in the place of a cgroup."""

from __future__ import annotations

import json
import logging
import pathlib
from types import SimpleNamespace

import nbops_memory
import pytest
from nbops_memory import Memory, amount, own_cgroup, telling, usage

LOG = logging.getLogger("server")
REQUEST = b'{"msg_id": "1", "msg_type": "execute_request"}'
EVENTS = "low 0\nhigh 0\nmax 12\noom {0}\noom_kill {0}\noom_group_kill 0\n"


@pytest.fixture
def cgroup(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The cgroup of this process, with a limit of 600 MiB, in which one process has been ended before."""
    directory = tmp_path / "cgroup/system.slice/jupyterlab-lab.service"
    directory.mkdir(parents=True)
    (directory / "memory.events").write_text(EVENTS.format(1))
    (directory / "memory.max").write_text("629145600\n")
    (tmp_path / "own").write_text("1:name=systemd:/x\n0::/system.slice/jupyterlab-lab.service\n")
    monkeypatch.setattr(nbops_memory, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(nbops_memory, "OWN", tmp_path / "own")
    return directory


class Connection:
    """A connection as Jupyter has it: what it sends to the page."""

    def __init__(self) -> None:
        self.sent: list[object] = []
        self.session = SimpleNamespace(feed_identities=lambda message: (message[:1], message[1:]), unpack=json.loads)

    def handle_outgoing_message(self, stream: object, outgoing_msg: list[bytes]) -> None:
        self.sent.append(stream)

    def write_stderr(self, error_message: str, parent_header: dict) -> None:
        self.sent.append((error_message, parent_header))

    def on_kernel_restarted(self) -> None:
        self.sent.append("restarted")

    def on_restart_failed(self) -> None:
        self.sent.append("dead")


def connection(memory: Memory, *requests: bytes) -> Connection:
    """One whose kernel has answered to these requests."""
    made = telling(Connection, memory)()
    for request in requests:
        made.handle_outgoing_message("iopub", [b"id", b"signature", b"{}", request, b"{}", b"{}"])
    made.sent.clear()
    return made


@pytest.mark.parametrize("event", ["restarted", "dead"])
def test_the_person_reads_the_limit_below_the_cell(cgroup: pathlib.Path, event: str) -> None:
    made = connection(Memory(cgroup, LOG), REQUEST, b'{"msg_id": "2", "msg_type": "comm_info_request"}')
    (cgroup / "memory.events").write_text(EVENTS.format(2))
    (made.on_kernel_restarted if event == "restarted" else made.on_restart_failed)()
    (text, request), last = made.sent
    assert text.startswith("Linux ended this kernel")
    assert "its memory limit of 600M." in text
    assert request == json.loads(REQUEST)
    # The page shows nothing more of a cell once it knows that the kernel has gone.
    assert last == event


def test_each_page_of_a_kernel_is_told(cgroup: pathlib.Path) -> None:
    memory = Memory(cgroup, LOG)
    pages = [connection(memory, REQUEST), connection(memory)]
    (cgroup / "memory.events").write_text(EVENTS.format(2))
    for page in pages:
        page.on_kernel_restarted()
    assert [page.sent[0][1] for page in pages] == [json.loads(REQUEST), {}]


def test_a_kernel_that_ends_for_another_reason_is_no_matter_of_memory(
    cgroup: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(cgroup, LOG)
    made = connection(memory, REQUEST)
    made.on_kernel_restarted()
    assert made.sent == ["restarted"]
    (cgroup / "memory.events").write_text(EVENTS.format(2))
    memory.look()
    monkeypatch.setattr(nbops_memory, "BELIEVED_SECONDS", 0)
    made.on_kernel_restarted()
    assert made.sent == ["restarted", "restarted"]


def test_the_journal_has_it_once(cgroup: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory(cgroup, LOG)
    (cgroup / "memory.events").write_text(EVENTS.format(3))
    memory.look()
    memory.look()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "ended 2 of the processes" in caplog.text
    assert "limit of 600M" in caplog.text


@pytest.mark.parametrize(
    ("limit", "events"),
    [("max", EVENTS.format(2)), ("629145600", EVENTS.format(2).replace("oom 2", "oom 1"))],
    ids=["the server has no limit", "the server did not reach its limit"],
)
def test_otherwise_it_is_the_host(cgroup: pathlib.Path, limit: str, events: str) -> None:
    memory = Memory(cgroup, LOG)
    (cgroup / "memory.max").write_text(f"{limit}\n")
    (cgroup / "memory.events").write_text(events)
    memory.look()
    assert memory.reason() == "the host has no memory left"


def test_the_own_cgroup(cgroup: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert own_cgroup() == cgroup
    (cgroup / "memory.events").unlink()
    assert own_cgroup() is None
    (tmp_path / "own").write_text("4:memory:/\n1:name=systemd:/\n")
    assert own_cgroup() is None


@pytest.mark.parametrize(
    ("size", "text"), [(600 << 20, "600M"), (3 << 29, "1.5G"), (2 << 30, "2G"), (512 << 10, "512K")]
)
def test_amounts(size: int, text: str) -> None:
    assert amount(size) == text


MEBIBYTE = 2**20


def count(directory: pathlib.Path, taken: int, limit: object, names: tuple[str, str, str] | None = None) -> None:
    """Makes a cgroup in which 100 MiB of what is taken, also in MiB, are files that Linux may forget."""
    current, most, cached = names or ("memory.current", "memory.max", "inactive_file")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / current).write_text(f"{taken * MEBIBYTE}\n")
    (directory / most).write_text(f"{limit}\n")
    (directory / "memory.stat").write_text(f"anon 1\n{cached} {100 * MEBIBYTE}\n")


@pytest.mark.parametrize(("taken", "warn"), [(350, False), (650, True)])
def test_the_page_shows_what_is_taken_of_the_limit(cgroup: pathlib.Path, taken: int, warn: bool) -> None:
    count(cgroup, taken, 600 * MEBIBYTE)
    assert usage() == {
        "rss": (taken - 100) * MEBIBYTE,
        "limits": {"memory": {"rss": 600 * MEBIBYTE, "warn": warn}},
    }


def test_a_limit_that_servers_share_is_shown_with_what_they_take_together(cgroup: pathlib.Path) -> None:
    count(cgroup, 200, "max")
    count(cgroup.parent, 500, 1000 * MEBIBYTE)
    assert usage() == {
        "rss": 400 * MEBIBYTE,
        "limits": {"memory": {"rss": 1000 * MEBIBYTE, "warn": False}},
    }


def test_without_a_limit_the_page_shows_what_is_taken(cgroup: pathlib.Path) -> None:
    count(cgroup, 300, "max")
    assert usage() == {"rss": 200 * MEBIBYTE, "limits": {}}


@pytest.mark.parametrize(
    ("limit", "limits"),
    [
        (9223372036854771712, {}),
        (1000 * MEBIBYTE, {"memory": {"rss": 1000 * MEBIBYTE, "warn": False}}),
    ],
)
def test_a_host_that_counts_memory_by_the_first_version(
    cgroup: pathlib.Path, tmp_path: pathlib.Path, limit: int, limits: dict
) -> None:
    (cgroup / "memory.max").unlink()
    own = tmp_path / "own"
    own.write_text(f"{own.read_text()}4:memory:/system.slice/jupyterlab-lab.service\n")
    names = ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")
    count(tmp_path / "cgroup/memory/system.slice/jupyterlab-lab.service", 300, limit, names)
    assert usage() == {"rss": 200 * MEBIBYTE, "limits": limits}


def test_where_nothing_counts_memory_the_page_shows_nothing(cgroup: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "own").write_text("1:name=systemd:/x\n")
    assert usage() == {"limits": {}}
