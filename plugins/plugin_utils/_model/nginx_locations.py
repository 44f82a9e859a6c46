# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for the locations of one nginx site, which have all their keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

PATH = re.compile(r"/[a-zA-Z0-9._~%@+/-]*")
TIME = re.compile(r"[1-9][0-9]{0,6}[smhd]")
ABSOLUTE = re.compile(r"(/[a-zA-Z0-9._@+-]+)+")
REDIRECT = re.compile(
    r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?(/[a-zA-Z0-9._~%@+/?&=#-]*)?|/[a-zA-Z0-9._~%@+/?&=#-]*"
)
UPSTREAM = re.compile(r"unix:/[a-zA-Z0-9._@+/-]+|([a-z0-9.-]+|\[[0-9a-f:.]+\]):(?P<port>[1-9][0-9]{0,4})")
PORTS = range(1, 65536)
PAGE = re.compile(r"(\*|[a-zA-Z0-9._~%@+-]+)(/(\*|[a-zA-Z0-9._~%@+-]+))*")


def problems(locations: list[dict]) -> Iterator[str]:
    """Every broken rule, with what to write instead."""
    paths = [location["path"] for location in locations]
    if not paths or len(set(paths)) < len(paths) or not all(PATH.fullmatch(path) for path in paths):
        yield (
            "locations must list different paths that begin with a slash, without spaces or patterns, for example "
            f'{{path: /, upstream: "127.0.0.1:8888"}}. Got: {", ".join(paths) or "nothing"}.'
        )
    for location in locations:
        yield from _sources(location)
        yield from _upstreams(location)
        yield from _values(location)


def _sources(location: dict) -> Iterator[str]:
    upstreams = [key for key in ("upstream", "upstreams") if location[key]]
    others = [key for key in ("directory", "redirect") if location[key]]
    mixed = len(upstreams) > 1 or ("redirect" in others and len(upstreams + others) > 1)
    if mixed or not upstreams + others:
        yield (
            f"location {location['path']} must have one of upstream, upstreams, directory and redirect; only directory "
            f"can have an upstream beside it. Got: {' and '.join(upstreams + others) or 'none'}."
        )


def _upstreams(location: dict) -> Iterator[str]:
    servers = [server["server"] for server in location["upstreams"]]
    for server in [location["upstream"]] * bool(location["upstream"]) + servers:
        match = UPSTREAM.fullmatch(server)
        if not match or (match["port"] and int(match["port"]) not in PORTS):
            yield (
                "an upstream must be an address and a port from 1 to 65535, for example 127.0.0.1:8888, or unix: and "
                f"the absolute path of a socket, for example unix:/run/lab/lab.sock. Got: {server}."
            )
    weights = [server["weight"] for server in location["upstreams"]]
    backups = [server["backup"] for server in location["upstreams"]]
    if any(weight < 1 for weight in weights) or (backups and all(backups)):
        yield f"upstreams of {location['path']} must have weights of at least 1, and one of them must not be a backup."
    if True in backups and location["balance"] == "ip_hash":
        yield f"upstreams of {location['path']}: ip_hash knows no backup. Leave one of them out."


def _values(location: dict) -> Iterator[str]:
    directory = location["directory"]
    if directory and (not ABSOLUTE.fullmatch(directory) or ".." in directory.split("/")):
        yield f"directory must be the absolute path of a directory on the host, without a last slash. Got: {directory}."
    # Without the slash, /static../ would reach the directory above.
    if directory and not location["path"].endswith("/"):
        yield f"the path of a directory must end with a slash: {location['path']}/ in the place of {location['path']}."
    if location["redirect"] and not REDIRECT.fullmatch(location["redirect"]):
        yield (
            "redirect must be an address such as https://new.example.org, which keeps the request's path, or a path "
            f"such as /lab. Got: {location['redirect']}."
        )
    if location["read_timeout"] and not TIME.fullmatch(location["read_timeout"]):
        yield (
            "read_timeout must be a number with the unit s, m, h or d, for example 10m. "
            f"Got: {location['read_timeout']}."
        )
    if not all(PAGE.fullmatch(page) for page in location["pages"]):
        yield (
            f"pages of {location['path']} must be paths below it, without a slash at either end, for example [lab, "
            f"user/*/lab]. Got: {', '.join(location['pages'])}."
        )
    is_service = bool(location["upstream"] or location["upstreams"]) and not directory
    if location["pages"] and not (is_service and location["path"].endswith("/")):
        yield (
            f"pages of {location['path']} need an upstream alone and a path that ends with a slash. Leave pages out, "
            "or give the service a location of its own."
        )
