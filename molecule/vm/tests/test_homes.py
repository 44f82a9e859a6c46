"""Homes over NFS: what a client may do there, and what it does while the server is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

HOME = "/srv/seen/eve"


@pytest.fixture
def file(host) -> Iterator[str]:
    """A file that eve writes into her home."""
    path = f"{HOME}/kept"
    host.check_output("runuser -u eve -- sh -c 'echo of eve >%s'", path)
    yield path
    host.check_output("runuser -u eve -- rm %s", path)


def test_a_person_writes_to_their_home(host, file: str) -> None:
    assert host.check_output("runuser -u eve -- cat %s", file) == "of eve"
    assert host.check_output("stat --file-system --format=%%T %s", HOME) == "nfs"


def test_root_of_a_client_does_not_come_into_a_home(host, file: str) -> None:
    assert host.run("cat %s", file).rc != 0
    assert host.run("touch %s", file).rc != 0
    assert "Permission denied" in host.run("ls %s", HOME).stderr


def test_a_program_of_root_does_not_run_as_root_in_a_home(host) -> None:
    host.check_output("install -m 4755 /usr/bin/id /srv/homes/eve/id")
    assert "euid=0" in host.check_output("runuser -u eve -- /srv/homes/eve/id")
    assert "euid=0" not in host.check_output("runuser -u eve -- %s/id", HOME)


def test_nothing_but_nfs_version_4_listens(host) -> None:
    assert host.check_output("cat /proc/fs/nfsd/versions").startswith("-3 +4")
    listening = host.check_output("ss --listening --numeric --tcp --udp --processes")
    assert "mountd" not in listening
    assert "rpcbind" not in listening
