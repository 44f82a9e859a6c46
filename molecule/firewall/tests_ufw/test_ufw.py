"""Where ufw filters, the ports are its rules, and no table is beside it."""

from __future__ import annotations


def test_only_the_listed_ports_are_open(open_ports):
    assert open_ports() == [22, 8080, 8443]


def test_rules_of_others_are_as_they_were(host):
    assert (
        host.run("ufw show added | grep --invert-match nbops.jupyter.firewall | diff /root/ufw.theirs -").stdout == ""
    )


def test_there_is_no_table_of_ours(host):
    assert "nbops_firewall" not in host.check_output("nft list ruleset")
    assert not host.file("/etc/nbops-firewall.nft").exists
    assert not host.file("/etc/systemd/system/nbops-firewall.service").exists
