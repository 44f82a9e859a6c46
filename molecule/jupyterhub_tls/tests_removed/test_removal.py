"""After the removal of a hub with traefik, one of whose servers ran and had been used."""

from __future__ import annotations


def test_no_server_runs_on_and_no_unit_is_left(host) -> None:
    assert host.run("pgrep --euid ada").rc != 0
    assert host.check_output("systemctl list-units --all --plain --no-legend 'jupyterhub*'") == ""
    assert host.check_output("find /etc/systemd/system /run/systemd/transient -name 'jupyterhub*'") == ""


def test_systemd_holds_no_port_any_more(host) -> None:
    listeners = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    assert {line.split()[3].rsplit(":", 1)[1] for line in listeners} == {"22"}


def test_the_accounts_and_homes_of_people_stay(host) -> None:
    assert host.user("ada").exists
    assert host.file("/home/ada").is_directory
