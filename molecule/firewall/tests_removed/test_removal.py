"""Nothing of ours is left, and the host lets in what it let in before."""

from __future__ import annotations


def test_nothing_of_ours_is_left(host):
    assert host.run("find /etc /run -name '*nbops*' -not -path '/run/user/*'").stdout == ""
    assert "nbops_firewall" not in host.check_output("nft list ruleset")
    assert "nbops" not in host.run("ufw show added").stdout


def test_the_host_is_open_again_unless_others_close_it(host, open_ports):
    filtered = "Status: active" in host.run("ufw status").stdout
    assert open_ports() == ([22] if filtered else [22, 8080, 8443, 8444, 9090])
