# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host lets in, as nftables and ufw are told. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

TABLE = "nbops_firewall"
MARK = "role nbops.jupyter.firewall"
# Marks our rules among those of ufw.
COMMENT = "nbops.jupyter.firewall"

# What IP itself needs: errors on the way, neighbours, routers and groups; and the question whether we are there.
_ICMP = "destination-unreachable, echo-request, parameter-problem, time-exceeded"
_ICMPV6 = (
    "destination-unreachable, echo-request, mld-listener-done, mld-listener-query, mld-listener-report, "
    "mld2-listener-report, nd-neighbor-advert, nd-neighbor-solicit, nd-router-advert, nd-router-solicit, "
    "packet-too-big, parameter-problem, time-exceeded"
)


@dataclass(frozen=True, order=True)
class Opening:
    """A port, or all up to `last`, that one network may reach, or everybody where there is no source."""

    port: int
    protocol: str = "tcp"
    source: str = ""
    last: int = 0  # 0 where it is one port

    def ports(self, dash: str) -> str:
        """The port, or the first and the last with a dash between."""
        return f"{self.port}{dash}{self.last}" if self.last else str(self.port)


def openings(entries: Iterable[dict]) -> list[Opening]:
    """From entries with `port`, `last_port`, `protocol` and `sources`, each once. Networks are written in one way."""
    found = set()
    for entry in entries:
        for source in entry["sources"] or [""]:
            network = str(ipaddress.ip_network(source, strict=False)) if source else ""
            port, last = int(entry["port"]), int(entry["last_port"])
            found.add(Opening(port, entry["protocol"], network, last if last != port else 0))
    everybody = {_place(opening) for opening in found if not opening.source}
    return sorted(opening for opening in found if not opening.source or _place(opening) not in everybody)


def _place(opening: Opening) -> tuple[str, str]:
    return opening.ports("-"), opening.protocol


def admits(sources: Iterable[str], address: str) -> bool:
    """Whether an address is in one of the networks, or there are none."""
    networks = [ipaddress.ip_network(source, strict=False) for source in sources]
    host = ipaddress.ip_address(address)
    mapped = getattr(host, "ipv4_mapped", None)
    return not networks or any((mapped or host) in network for network in networks)


def ruleset(wanted: Iterable[Opening], interfaces: Iterable[str]) -> str:
    """The text that replaces our table in one transaction, whether it is there or not."""
    lines = [
        "type filter hook input priority filter; policy drop;",
        "ct state vmap { established : accept, related : accept, invalid : drop }",
        'iifname "lo" accept',
        *(f'iifname "{interface}" accept' for interface in interfaces),
        f"icmp type {{ {_ICMP} }} accept",
        f"icmpv6 type {{ {_ICMPV6} }} accept",
        "# Answers of DHCP come from addresses that nobody asked.",
        "udp sport 67 udp dport 68 accept",
        "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
        *_accepting(wanted),
    ]
    body = "\n".join(f"        {line}" for line in lines)
    return (
        f"# {MARK}: written by Ansible. Other tables are others'.\n{removal()}"
        f"table inet {TABLE} {{\n    chain input {{\n{body}\n    }}\n}}\n"
    )


def removal() -> str:
    """The text that removes our table, whether it is there or not."""
    return f"table inet {TABLE}\ndelete table inet {TABLE}\n"


def _accepting(wanted: Iterable[Opening]) -> list[str]:
    sources: dict[tuple[str, str], list] = {}
    for opening in wanted:
        networks = sources.setdefault(_place(opening), [])
        if opening.source:
            networks.append(ipaddress.ip_network(opening.source))
    lines = []
    for (ports, protocol), networks in sources.items():
        if not networks:
            lines.append(f"{protocol} dport {ports} accept")
        for family, version in (("ip", 4), ("ip6", 6)):
            # nftables takes no network that overlaps another.
            alone = ipaddress.collapse_addresses(network for network in networks if network.version == version)
            found = ", ".join(map(str, alone))
            if found:
                lines.append(f"{family} saddr {{ {found} }} {protocol} dport {ports} accept")
    return lines


def ufw_rule(opening: Opening) -> list[str]:
    """The arguments of ufw for a rule, after `allow` or `delete allow`."""
    return ["proto", opening.protocol, "from", opening.source or "any", "to", "any", "port", opening.ports(":")]


_UFW_PORTS = r"(?P<port>[0-9]+)(?::(?P<last>[0-9]+))?"
_UFW_SHORT = re.compile(rf"{_UFW_PORTS}/(?P<protocol>tcp|udp)")
_UFW_LONG = re.compile(rf"from (?P<source>\S+) to any port {_UFW_PORTS} proto (?P<protocol>tcp|udp)")


def ufw_openings(added: str) -> tuple[list[Opening], list[Opening]]:
    """Our rules in what `ufw show added` says, and those of others that open a port in the same way."""
    found: dict[bool, set[Opening]] = {True: set(), False: set()}
    for line in added.splitlines():
        rule, _quote, comment = line.partition(" comment '")
        if not rule.startswith("ufw allow "):
            continue
        rule = rule[len("ufw allow ") :]
        match = _UFW_SHORT.fullmatch(rule) or _UFW_LONG.fullmatch(rule)
        if match:
            source = match.groupdict().get("source") or "any"
            network = "" if source == "any" else str(ipaddress.ip_network(source))
            opening = Opening(int(match["port"]), match["protocol"], network, int(match["last"] or 0))
            found[comment == f"{COMMENT}'"].add(opening)
    return sorted(found[True]), sorted(found[False])
