"""What Linux and systemd do when a kernel takes more memory than its server may have, and what its person reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from notebook_client import Kernel, NotebookClient

LIMIT = "its memory limit of 600M"
# Bytes that are written, not only promised.
TAKE_FAR_TOO_MUCH = "greedy = bytearray(b'x') * (3 * 2**30)"


@pytest.fixture(params=[("alice", "jupyterlab-lab"), ("ada", "jupyterhub-user-ada")], ids=["lab", "hub"])
def served(request: pytest.FixtureRequest) -> tuple[NotebookClient, str]:
    """A person at a server, and its unit."""
    name, unit = request.param
    return request.getfixturevalue(name), f"{unit}.service"


def shown(host, unit: str) -> dict[str, str]:
    """What tells one life of a unit's main process from another, and its limit."""
    lines = host.check_output("systemctl show --property=MainPID,NRestarts,ActiveState,MemoryMax %s", unit)
    return dict(line.split("=", 1) for line in lines.splitlines())


def killed(host, unit: str) -> int:
    """How many processes of a unit Linux has ended because there was no memory left."""
    group = host.check_output("systemctl show --property=ControlGroup --value %s", unit)
    events = dict(line.split() for line in host.check_output("cat /sys/fs/cgroup%s/memory.events", group).splitlines())
    return int(events["oom_kill"])


def said_below_the_cell(kernel: Kernel, code: str) -> str:
    """Run a cell until its page shows an error output."""
    return next(
        content["text"]
        for kind, content in kernel.answers(code, timeout=600)
        if kind == "stream" and content["name"] == "stderr"
    )


def test_the_machine_has_cgroups_of_version_2_alone(host) -> None:
    assert host.check_output("stat --file-system --format=%T /sys/fs/cgroup") == "cgroup2fs"


def test_a_greedy_kernel_ends_alone_and_its_person_learns_why(host, served: tuple[NotebookClient, str]) -> None:
    client, unit = served
    with client.kernel() as modest, client.kernel() as greedy:
        modest.run("kept = 42", timeout=600)
        greedy.run("lost = 1", timeout=600)
        before, count = shown(host, unit), killed(host, unit)
        assert before["MemoryMax"] == str(600 * 2**20)
        begun = host.check_output("date +%s")

        with ThreadPoolExecutor() as others:
            said = others.submit(said_below_the_cell, greedy, TAKE_FAR_TOO_MUCH)
            # Over the websocket that is open all the time.
            while not said.done():
                assert modest.run("kept", timeout=600) == "42"

        assert LIMIT in said.result()
        assert killed(host, unit) == count + 1
        assert modest.run("kept", timeout=600) == "42"
        assert shown(host, unit) == before
        with client.attach(greedy.identity) as again:
            assert again.run("'lost' in globals()", timeout=600) == "False"
    journal = host.check_output("journalctl --unit=%s --since=@%s --output=cat --no-pager", unit, begun)
    assert LIMIT in journal
    assert "Failed with result" not in journal
