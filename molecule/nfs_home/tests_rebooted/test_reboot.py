"""After a reboot of the client, of the server or of both, people have their homes, and what runs in them is back."""

from __future__ import annotations

import pytest
from playbook import inventory_options, run_ansible
from waiting import wait_until

HOMES = "/srv/homes"
KEPT = f"{HOMES}/eve/kept"
LAB = "jupyterlab-lab"
TOKEN = "correct-horse-battery-staple-of-eve"
OPTIONS = inventory_options("nfs_home/inventory/hosts.yml")
# Seconds that an emulated machine may take for what it does by itself.
PATIENCE = 1800
# Her notebooks' server writes a file.
SAVE = (
    f"curl --fail --silent --show-error --max-time {PATIENCE} --unix-socket /run/jupyterlab/lab.sock "
    f"--output /dev/null --header 'Authorization: token {TOKEN}' --request PUT "
    """--data '{"type": "file", "format": "text", "content": "again"}' http://localhost/api/contents/"""
)


def reboot(machines: str) -> None:
    run = run_ansible("molecule/nfs_home/reboot.yml", f"--limit={machines}", *OPTIONS)
    assert run.returncode == 0, run.stdout + run.stderr


def are_well(*machines) -> bool:
    """Whether systemd has started everything, and nothing has failed."""
    return all(machine.run("systemctl is-system-running").stdout.strip() == "running" for machine in machines)


def lost(host) -> str:
    """What lies on the client's own disk where the homes are mounted."""
    return host.check_output(f"sh -ec 'mount --bind / /mnt; ls -A /mnt{HOMES}; umount /mnt'")


def as_eve(machine, command: str) -> str:
    return machine.check_output("runuser --login eve --command=%s", command)


@pytest.fixture
def kept(host, server) -> str:
    """What eve has written into her home on the client."""
    told = host.check_output("cat /proc/sys/kernel/random/uuid")
    as_eve(host, f"echo {told} >{KEPT} && sync {KEPT}")
    assert as_eve(server, f"cat {KEPT}") == told
    return told


@pytest.mark.parametrize(
    "machines",
    ["nfs_home_clients", "nfs_home_server", "nfs_home_server:nfs_home_clients"],
    ids=["client", "server", "both"],
)
def test_homes_come_back(host, server, kept: str, machines: str) -> None:
    life = host.check_output("systemctl show --property=InvocationID --value %s", LAB)
    assert host.service(LAB).is_running
    reboot(machines)
    wait_until(lambda: are_well(host, server), PATIENCE)
    # Where the server alone was away, the lab has waited.
    stayed = life == host.check_output("systemctl show --property=InvocationID --value %s", LAB)
    assert stayed == (machines == "nfs_home_server")
    assert as_eve(host, f"cat {KEPT}") == kept
    assert host.check_output("stat --file-system --format=%%T %s/eve", HOMES) == "nfs"
    as_eve(host, f"{SAVE}{kept}.txt")
    assert as_eve(server, f"stat --format=%U notebooks/{kept}.txt; cat notebooks/{kept}.txt") == "eve\nagain"
    assert lost(host) == ""


def test_a_client_that_boots_before_the_server_waits_for_the_homes(host, server, kept: str, silent) -> None:
    with silent():
        reboot("nfs_home_clients")
        # Somebody comes, and finds no other place for files than the home.
        assert host.run("timeout 90 runuser --login eve --command='touch ~/lost'").rc != 0
        assert host.run("timeout 90 touch %s/lost", HOMES).rc != 0
        assert not host.service(LAB).is_running
    wait_until(lambda: are_well(host, server), PATIENCE)
    assert host.service(LAB).is_running
    assert lost(host) == ""
    assert as_eve(host, f"cat {KEPT}") == kept


def test_homes_come_back_when_the_server_has_refused_them_for_a_while(host, server, kept: str) -> None:
    host.check_output("systemctl stop %s srv-homes.mount", LAB)
    server.check_output("exportfs -u 10.0.2.15:%s", HOMES)
    # As impatient as programs are, and none of them sees the bare directory.
    attempts = f"for attempt in $(seq 15); do stat {HOMES}/. >/dev/null && echo bare; done"
    assert host.run("sh -c %s", attempts).stdout == ""
    server.check_output("exportfs -a")
    wait_until(lambda: host.run("runuser -u eve -- cat %s", KEPT).stdout.strip() == kept, PATIENCE)
    host.check_output("systemctl start %s", LAB)
    assert lost(host) == ""
