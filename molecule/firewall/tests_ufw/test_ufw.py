"""Where ufw filters, the ports are its rules, and no table is beside it."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(("port", "answers"), [(22, True), (8080, True), (8443, True), (8444, False), (9090, False)])
def test_a_port_is_what_it_is_said_to_be(is_open, port, answers):
    assert is_open(port) == answers


def test_rules_of_others_are_as_they_were(host):
    assert (
        host.run("ufw show added | grep --invert-match nbops.jupyter.firewall | diff /root/ufw.theirs -").stdout == ""
    )


def test_there_is_no_table_of_ours(host):
    assert "nbops_firewall" not in host.check_output("nft list ruleset")
    assert not host.file("/etc/nbops-firewall.nft").exists
    assert not host.file("/etc/systemd/system/nbops-firewall.service").exists
