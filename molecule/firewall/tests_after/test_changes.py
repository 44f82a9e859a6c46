"""After a change that was taken back, and another one."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(("port", "answers"), [(22, True), (8080, True), (8443, False), (9090, False)])
def test_a_port_is_what_it_is_said_to_be(is_open, port, answers):
    assert is_open(port) == answers


def test_ssh_is_for_its_sources(host):
    assert "tcp dport 22 accept" in host.check_output("nft list table inet nbops_firewall")
    assert "ip saddr 10.213." in host.check_output("nft list table inet nbops_firewall")


def test_nothing_is_on_probation(host):
    assert not host.file("/run/nbops-firewall").exists
