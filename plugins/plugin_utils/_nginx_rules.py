# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of nginx sites must fulfil before a host is touched. Pure: the sites have all their keys.

Everything that stands in the configuration as it is has one of the forms below, so that no value ends its directive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]+")
CERTIFICATE = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
SIZE = re.compile(r"[0-9]+[kmg]?")
HEADER = re.compile(r"[a-zA-Z0-9=; -]*")
PATH = re.compile(r"/[a-zA-Z0-9._~%@+/-]*")
UPSTREAM = re.compile(r"unix:/[a-zA-Z0-9._@+/-]+|([a-z0-9.-]+|\[[0-9a-f:.]+\]):(?P<port>[1-9][0-9]{0,4})")
PORTS = range(1, 65536)


def problems(sites: list[dict]) -> list[str]:
    """Every broken rule, each with the site's name, the rule and what to write instead."""
    present = [site for site in sites if site["state"] == "present"]
    found = list(_names(sites)) + list(_defaults(present))
    for site in present:
        others = [other for other in present if other is not site]
        found += [f"Site {site['name']}: {text}" for text in _site(site, others)]
    return found


def _names(sites: list[dict]) -> Iterator[str]:
    names = [str(site["name"]) for site in sites]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or names.count(name) > 1:
            yield (
                f"nginx_sites: '{name}' must be the name of one site only, of lower-case letters, digits and single "
                "hyphens, for example my-lab."
            )


def _defaults(sites: list[dict]) -> Iterator[str]:
    defaults = [site for site in sites if site["default"]]
    if len({site["https_port"] for site in defaults}) < len(defaults):
        yield (
            "nginx_sites: one site of each port can be the default, but "
            f"{' and '.join(site['name'] for site in defaults)} are. Leave `default: true` with one of them."
        )


def _site(site: dict, others: list[dict]) -> Iterator[str]:
    yield from _server_names(site, others)
    if not CERTIFICATE.fullmatch(site["certificate"]):
        yield (
            "certificate must be the name of a directory below /etc/ssl/jupyter, of lower-case letters, digits, dots, "
            f"hyphens and underscores, for example lab.example.org. Got: {site['certificate']}."
        )
    redirecting = {site["http_port"], *(other["http_port"] for other in others)}
    if not {site["http_port"], site["https_port"]} <= set(PORTS) or site["https_port"] in redirecting:
        yield (
            "http_port and https_port must be different ports from 1 to 65535, and no site can redirect from a port "
            f"that another one uses for TLS. Got: {site['http_port']} and {site['https_port']}."
        )
    if not SIZE.fullmatch(site["client_max_body_size"]):
        yield (
            "client_max_body_size must be a number with the unit k, m, g or none, for example 512m "
            f"(got '{site['client_max_body_size']}')."
        )
    if not HEADER.fullmatch(site["hsts"]):
        yield f"hsts must be a header's value, for example max-age=63072000; includeSubDomains (got '{site['hsts']}')."
    yield from _locations(site["locations"])


def _server_names(site: dict, others: list[dict]) -> Iterator[str]:
    names = site["server_names"]
    if not names or not all(HOST.fullmatch(name) for name in names):
        yield (
            "server_names must list host names in lower case or addresses, for example [lab.example.org, 192.0.2.10]; "
            f"for all other names, add `default: true`. Got: {', '.join(names) or 'nothing'}."
        )
    if any(_meet(site, other) for other in others):
        yield (
            "another site answers to one of its server_names on the same port. Make them one site with several "
            "locations, or change the name."
        )


def _meet(one: dict, other: dict) -> bool:
    share_port = one["https_port"] == other["https_port"] or one["http_port"] == other["http_port"]
    return share_port and not set(one["server_names"]).isdisjoint(other["server_names"])


def _locations(locations: list[dict]) -> Iterator[str]:
    paths = [location["path"] for location in locations]
    if not paths or len(set(paths)) < len(paths) or not all(PATH.fullmatch(path) for path in paths):
        yield (
            "locations must list different paths that begin with a slash, without spaces or patterns, for example "
            f'{{path: /, upstream: "127.0.0.1:8888"}}. Got: {", ".join(paths) or "nothing"}.'
        )
    for location in locations:
        match = UPSTREAM.fullmatch(location["upstream"])
        if not match or (match["port"] and int(match["port"]) not in PORTS):
            yield (
                "an upstream must be an address and a port from 1 to 65535, for example 127.0.0.1:8888, or unix: and "
                f"the absolute path of a socket, for example unix:/run/lab/lab.sock. Got: {location['upstream']}."
            )
