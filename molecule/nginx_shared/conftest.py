"""What was there before us, and the way to play again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from visitor import Visitor

OURS = r"^\./(conf\.d/00-nbops\.conf|conf\.d/nbops-(lab|echo)\.conf|modules-enabled/90-nbops\.conf|nbops(/.*)?) "


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The host that is laid out as nginx.org does it has no JupyterLab."""
    items[:] = [item for item in items if not ("lab" in item.fixturenames and "elsewhere" in item.name)]


@pytest.fixture
def is_debian(host) -> bool:
    """Whether the host is laid out as Debian does it, and has default servers of its own."""
    return "elsewhere" not in host.backend.host


@pytest.fixture
def visitor(host, address: str) -> Visitor:
    return Visitor(address, host.file("/etc/ssl/jupyter/lab.example.org/fullchain.pem").content_string)


@pytest.fixture
def play(host) -> Callable[..., None]:
    """Runs the scenario's playbook on the host once more, with other variables."""

    def run(**variables: object) -> None:
        inventory = host.backend.ansible_runner.inventory_file
        command = ["ansible-playbook", "--inventory", inventory, "--limit", host.backend.host]
        subprocess.run([*command, "--extra-vars", json.dumps(variables), "converge.yml"], check=True)

    return run


@pytest.fixture
def changes(host) -> Callable[[], str]:
    """Differences of /etc/nginx from what it was, except for files of ours: contents, links, modes and owners."""

    def look() -> str:
        return host.run(
            "cd /etc/nginx && "
            f"find . -printf '%p %y %l %m %u %g\\n' | grep --extended-regexp --invert-match '{OURS}' | sort | "
            "diff /root/tree - ; "
            "sha256sum --check --quiet /root/content"
        ).stdout

    return look


@pytest.fixture
def failures(host) -> Callable[[], dict[str, int]]:
    """The visitors of their sites, and how often each was not served so far."""

    def count() -> dict[str, int]:
        found = {}
        for path in host.check_output("ls /run/http-load*.json").split():
            counts = json.loads(host.file(path).content_string)
            assert counts["served"] > 100
            found[path] = counts["failed"]
        return found

    return count
