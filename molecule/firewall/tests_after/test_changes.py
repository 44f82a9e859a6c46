"""After a change that was taken back, another one, and the host's own rules, which flush everything."""

from __future__ import annotations


def test_what_is_listed_is_open_and_nothing_else(open_ports):
    assert open_ports() == [22, 8080]


def test_ssh_is_for_its_sources(open_ports, own_ipv6):
    assert open_ports(own_ipv6) == [8080]


def test_nothing_is_on_probation(host):
    assert not host.file("/run/nbops-firewall").exists
