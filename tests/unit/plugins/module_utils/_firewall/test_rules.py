"""Ports become rules, each in one form."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import (
    Opening,
    admits,
    openings,
    ruleset,
    ufw_openings,
    ufw_rule,
)


def entry(port: int, *sources: str, protocol: str = "tcp") -> dict:
    return {"port": port, "last_port": 0, "protocol": protocol, "sources": list(sources)}


def test_what_everybody_may_needs_no_source() -> None:
    assert openings([entry(22), entry(22, "10.0.0.1"), entry(53, protocol="udp")]) == [
        Opening(22),
        Opening(53, "udp"),
    ]


def test_networks_have_one_form() -> None:
    found = openings([entry(443, "10.0.0.0/8", "192.0.2.1", "2001:DB8::1")])
    assert [opening.source for opening in found] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::1/128"]


def test_networks_do_not_overlap_in_a_rule() -> None:
    text = ruleset(openings([entry(443, "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"), entry(80)]), ["podman*"])
    assert "        tcp dport 80 accept\n" in text
    assert "        ip saddr { 10.0.0.0/8 } tcp dport 443 accept\n" in text
    assert "        ip6 saddr { 2001:db8::/32 } tcp dport 443 accept\n" in text
    assert '        iifname "podman*" accept\n' in text
    assert "        tcp dport 443 accept\n" not in text


def test_several_ports_are_one_rule() -> None:
    found = openings([{**entry(20000, "10.0.0.1"), "last_port": 20999}, {**entry(80), "last_port": 80}])
    assert found == [Opening(80), Opening(20000, "tcp", "10.0.0.1/32", 20999)]
    assert "        ip saddr { 10.0.0.1/32 } tcp dport 20000-20999 accept\n" in ruleset(found, [])
    assert ufw_rule(found[1])[-2:] == ["port", "20000:20999"]


@pytest.mark.parametrize(
    ("sources", "address", "answer"),
    [
        ([], "192.0.2.1", True),
        (["192.0.2.0/24"], "192.0.2.1", True),
        (["192.0.2.0/24"], "::ffff:192.0.2.1", True),
        (["192.0.2.0/24"], "198.51.100.1", False),
        (["192.0.2.0/24"], "2001:db8::1", False),
        (["2001:db8::/32"], "2001:db8::1", True),
    ],
)
def test_a_controller_is_in_a_list_or_not(sources: list[str], address: str, answer: bool) -> None:
    assert admits(sources, address) == answer


def test_our_rules_of_ufw_are_told_from_others() -> None:
    ours, theirs = ufw_openings(
        "Added user rules (see 'ufw status' for running firewall):\n"
        "ufw allow 443/tcp comment 'nbops.jupyter.firewall'\n"
        "ufw allow from 192.0.2.1 to any port 80 proto tcp comment 'nbops.jupyter.firewall'\n"
        "ufw allow from 2001:db8::/32 to any port 53 proto udp comment 'nbops.jupyter.firewall'\n"
        "ufw allow from 10.0.0.1 to any port 20000:20999 proto tcp comment 'nbops.jupyter.firewall'\n"
        "ufw allow 22/tcp comment 'theirs'\n"
        "ufw allow 6000:6007/udp\n"
        "ufw allow 8080/tcp\n"
        "ufw deny 25/tcp\n"
        "ufw allow Apache\n"
    )
    assert ours == [
        Opening(53, "udp", "2001:db8::/32"),
        Opening(80, "tcp", "192.0.2.1/32"),
        Opening(443),
        Opening(20000, "tcp", "10.0.0.1/32", 20999),
    ]
    assert theirs == [Opening(22), Opening(6000, "udp", last=6007), Opening(8080)]


def test_a_rule_of_ufw_names_all_it_is() -> None:
    assert ufw_rule(Opening(443)) == ["proto", "tcp", "from", "any", "to", "any", "port", "443"]
    assert ufw_rule(Opening(53, "udp", "10.0.0.0/8")) == [
        *("proto", "udp", "from", "10.0.0.0/8", "to", "any", "port", "53")
    ]
