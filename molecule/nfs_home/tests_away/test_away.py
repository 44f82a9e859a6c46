"""A client that booted while its server did not answer."""

from __future__ import annotations

from playbook import inventory_options, run_ansible

CONVERGE = "molecule/nfs_home/converge.yml"


def test_the_boot_did_not_wait_for_the_server(host) -> None:
    assert host.run("systemctl --failed --plain --no-legend").stdout == ""
    assert host.service("srv-homes.automount").is_running
    assert host.check_output("systemctl show --property=ActiveState --value srv-homes.mount") == "inactive"


def test_who_goes_home_is_told_and_the_journal_says_why(host) -> None:
    answer = host.run("timeout 300 runuser -u eve -- ls /srv/homes/eve")
    assert answer.rc not in (0, 124)
    assert "cannot access '/srv/homes/eve'" in answer.stderr
    assert "Mounting timed out" in host.check_output("journalctl --boot --unit=srv-homes.mount --output=cat")


def test_a_person_logs_in_without_their_home(host) -> None:
    answer = host.run("timeout 300 runuser --login eve --command=pwd")
    assert answer.rc == 0
    assert "/srv/homes/eve" in answer.stderr


def test_a_run_says_that_the_homes_do_not_come(host) -> None:
    run = run_ansible(CONVERGE, f"--limit={host.backend.host}", *inventory_options("nfs_home/inventory/hosts.yml"))
    assert run.returncode != 0
    assert "nfs_home: the host does not get its homes from 10.0.2.16:/srv/homes." in run.stdout
