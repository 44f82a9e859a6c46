"""A port that another program has is refused before anything changes, with the program's name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playbook import changes, run_playbook

# Its start is done when it listens.
STRANGER = "; ".join(
    [
        "import os, socket",
        "listener = socket.create_server(('', 80))",
        "os.fork() and os._exit(0)",
        "[listener.accept() for _ in iter(int, 1)]",
    ]
)


@pytest.fixture
def stranger(host) -> Iterator[None]:
    host.check_output("systemctl stop nginx")
    try:
        host.check_output(f'systemd-run --unit=stranger --service-type=forking /usr/bin/python3 -c "{STRANGER}"')
        yield
    finally:
        host.run("systemctl stop stranger")
        host.check_output("systemctl start nginx")


@pytest.mark.usefixtures("stranger")
def test_a_taken_port_is_refused_first(host) -> None:
    run = run_playbook(host, "jupyterlab", ["default/inventory/hosts.yml"])
    assert re.search(r"0\.0\.0\.0:80, which is taken by python3 \(process \d+ of root, stranger\.service\)", run.stdout)
    assert changes(run) == 0
