"""Nothing of ours is left, and the host lets in what it let in before."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host):
    assert host.run("find /etc /run -name '*nbops*' -not -path '/run/user/*'").stdout == ""
    assert "nbops_firewall" not in host.check_output("nft list ruleset")
    assert "nbops" not in host.run("ufw show added").stdout


def test_the_host_is_open_again_unless_others_close_it(host, is_open):
    assert is_open(9090) == ("Status: active" not in host.run("ufw status").stdout)
