"""The jail is gone, and what is not ours goes on."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host):
    assert host.run("find /etc/fail2ban /run -name '*nbops*' -o -name 'fail2ban-jail-*'").stdout == ""
    assert "nbops" not in host.check_output("fail2ban-client status")


def test_bans_are_lifted(host):
    rules = host.run("nft list ruleset").stdout
    assert "192.0.2.66" not in rules
    assert "nbops" not in rules


def test_other_jails_keep_running(host):
    assert "sshd" in host.check_output("fail2ban-client status")


def test_sites_are_served(visitor):
    assert visitor.ask("lab.example.org").status == 200
