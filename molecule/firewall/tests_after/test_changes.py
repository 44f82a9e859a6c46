"""After a change that was taken back, another one, and the host's own rules, which flush everything."""

from __future__ import annotations


def test_only_the_listed_ports_are_open(open_ports):
    assert open_ports() == [22, 8080]


def test_ssh_is_for_its_sources(open_ports, own_ipv6):
    assert open_ports(own_ipv6) == [8080]


def test_no_change_is_pending(host):
    assert not host.file("/run/nbops-firewall").exists
