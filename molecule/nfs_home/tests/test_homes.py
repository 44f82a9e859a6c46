"""What people and root find in homes on a client and on the server, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from waiting import wait_until

HOME = "/srv/homes/eve"
CLIENT = "10.0.2.15"


@pytest.fixture
def file(host) -> Iterator[str]:
    """A file that eve writes into her home on the client."""
    path = f"{HOME}/kept"
    host.check_output("runuser -u eve -- sh -c 'echo of eve >%s'", path)
    yield path
    host.check_output("runuser -u eve -- rm %s", path)


def test_a_file_belongs_to_its_person_on_both_machines(host, server, file: str) -> None:
    assert host.check_output("stat --file-system --format=%%T %s", HOME) == "nfs"
    assert server.check_output("stat --file-system --format=%%T %s", HOME) != "nfs"
    for machine in (host, server):
        assert machine.check_output("runuser -u eve -- stat --format='%%U %%u' %s", file) == "eve 2001"
        assert machine.check_output("runuser -u eve -- cat %s", file) == "of eve"


def test_what_is_written_on_the_server_is_read_on_the_client(host, server, file: str) -> None:
    server.check_output("runuser -u eve -- sh -c 'echo on the server >>%s'", file)
    assert host.check_output("runuser -u eve -- cat %s", file) == "of eve\non the server"


def test_another_person_does_not_come_into_a_home(host, file: str) -> None:
    assert "Permission denied" in host.run("runuser -u mallory -- cat %s", file).stderr


def test_root_of_a_client_does_not_come_into_a_home(host, file: str) -> None:
    assert host.run("cat %s", file).rc != 0
    assert host.run("touch %s", file).rc != 0
    assert "Permission denied" in host.run("ls %s", HOME).stderr


def test_root_of_a_client_makes_no_home(host) -> None:
    assert "Permission denied" in host.run("mkdir /srv/homes/other").stderr


def test_a_program_of_root_does_not_run_as_root_in_a_home(host, server) -> None:
    server.check_output("install -m 4755 /usr/bin/id %s/id", HOME)
    assert "euid=0" in server.check_output("runuser -u eve -- %s/id", HOME)
    assert "euid=0" not in host.check_output("runuser -u eve -- %s/id", HOME)


def test_the_homes_are_exported_to_the_client_alone(server) -> None:
    exported = server.check_output("exportfs -s").splitlines()
    assert [line.partition("(")[0].split() for line in exported] == [["/srv/homes", CLIENT]]


def test_nothing_but_nfs_version_4_listens(host, server) -> None:
    assert server.check_output("cat /proc/fs/nfsd/versions").startswith("-3 +4")
    for machine in (host, server):
        listening = machine.check_output("ss --listening --numeric --tcp --udp --processes")
        assert "mountd" not in listening
        assert "rpcbind" not in listening
        assert "statd" not in listening


def test_what_is_written_while_the_server_is_silent_arrives(host, server, file: str, silent) -> None:
    with silent():
        host.check_output("systemd-run --unit=late --uid=eve sh -c 'echo late >>%s && sync %s'", file, file)
        # Others work on meanwhile.
        assert host.check_output("timeout 60 runuser --login ansible --command='echo works'") == "works"
        assert server.check_output("runuser -u eve -- cat %s", file) == "of eve"
        assert host.check_output("systemctl show --property=ActiveState --value late") == "active"
    wait_until(lambda: not host.service("late").is_running, 600)
    assert server.check_output("runuser -u eve -- cat %s", file) == "of eve\nlate"
