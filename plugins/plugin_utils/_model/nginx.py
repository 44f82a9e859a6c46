# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of nginx sites must fulfil before a host is touched. Pure: the sites have all their keys.

Everything that stands in the configuration as it is has one of the forms below, so that no value ends its directive.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import nginx_locations
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.networks import is_network, networks
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.nginx_locations import ABSOLUTE, PATH, PORTS, TIME

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]+")
CERTIFICATE = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
SIZE = re.compile(r"[0-9]+[kmg]?")
HSTS = re.compile(r"[a-zA-Z0-9=; -]*")
POLICY = re.compile(r"[a-zA-Z0-9*'=;:/., _+-]*")
RATE = re.compile(r"[1-9][0-9]{0,4}r/[sm]")
USER = re.compile(r"[a-zA-Z0-9._@-]+")
PASSWORD_HASH = re.compile(r"\$[a-zA-Z0-9]+\$[a-zA-Z0-9./$=,]{8,}")


def problems(sites: list[dict], settings: dict) -> list[str]:
    """Every broken rule, each with the site's name, the rule and what to write instead.

    `settings` are what all sites share: trusted_proxies, worker_shutdown_timeout, and for fail2ban max_retry,
    find_seconds, ban_seconds and ignore.
    """
    present = [site for site in sites if site["state"] == "present"]
    found = [*_settings(settings), *_names(sites), *_defaults(present)]
    for site in present:
        others = [other for other in present if other is not site]
        found += [f"Site {site['name']}: {text}" for text in _site(site, others)]
    return found


def _settings(settings: dict) -> Iterator[str]:
    yield from networks("nginx_trusted_proxies", settings["trusted_proxies"])
    for network in settings["trusted_proxies"]:
        if is_network(network) and ipaddress.ip_network(network).prefixlen == 0:
            yield f"nginx_trusted_proxies: {network} would believe everybody. List the proxies before this host."
    if not TIME.fullmatch(settings["worker_shutdown_timeout"]):
        yield (
            "nginx_worker_shutdown_timeout must be a number with the unit s, m, h or d, for example 1d "
            f"(got '{settings['worker_shutdown_timeout']}')."
        )
    bans = settings["fail2ban"]
    for key in "max_retry", "find_seconds", "ban_seconds":
        if bans[key] < 1:
            yield (
                f"nginx_fail2ban_{key} must be 1 or more (got {bans[key]}). To ban nobody, set `nginx_fail2ban: false`."
            )
    yield from networks("nginx_fail2ban_ignore", bans["ignore"])


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
    yield from _listening(site, others)
    if not CERTIFICATE.fullmatch(site["certificate"]):
        yield (
            "certificate must be the name of a directory below /etc/ssl/jupyter, of lower-case letters, digits, dots, "
            f"hyphens and underscores, for example lab.example.org. Got: {site['certificate']}."
        )
    if not SIZE.fullmatch(site["client_max_body_size"]):
        yield (
            "client_max_body_size must be a number with the unit k, m, g or none, for example 512m "
            f"(got '{site['client_max_body_size']}')."
        )
    if not HSTS.fullmatch(site["hsts"]):
        yield f"hsts must be a header's value, for example max-age=63072000; includeSubDomains (got '{site['hsts']}')."
    if not POLICY.fullmatch(site["content_security_policy"]):
        yield (
            "content_security_policy must be directives on one line, for example frame-ancestors 'self'; form-action "
            f"'self' (got '{site['content_security_policy']}')."
        )
    yield from _access(site)
    yield from _logins(site)
    yield from nginx_locations.problems(site["locations"])
    for location in site["locations"]:
        yield from networks(f"allow of {location['path']}", location["allow"])


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


def _listening(site: dict, others: list[dict]) -> Iterator[str]:
    redirecting = {site["http_port"], *(other["http_port"] for other in others)}
    if not {site["http_port"], site["https_port"]} <= set(PORTS) or site["https_port"] in redirecting:
        yield (
            "http_port and https_port must be different ports from 1 to 65535, and no site can redirect from a port "
            f"that another one uses for TLS. Got: {site['http_port']} and {site['https_port']}."
        )
    wrong = [address for address in site["listen_addresses"] if not _is_listen_address(address)]
    if wrong:
        yield (
            'listen_addresses must list addresses of the host, for example 192.0.2.10 or "[2001:db8::10]". '
            f"Got: {', '.join(wrong)}."
        )


def _is_listen_address(text: str) -> bool:
    bracketed = text.startswith("[") and text.endswith("]")
    try:
        address = ipaddress.ip_address(text[1:-1] if bracketed else text)
    except ValueError:
        return False
    return bracketed == (address.version == 6) and not address.is_unspecified


def _access(site: dict) -> Iterator[str]:
    yield from networks("allow", site["allow"])
    if site["client_ca"] and not ABSOLUTE.fullmatch(site["client_ca"]):
        yield (
            "client_ca must be the absolute path of a file on the host, for example /etc/ssl/staff.pem. "
            f"Got: {site['client_ca']}."
        )
    users = [entry["user"] for entry in site["basic_auth"]]
    if len(set(users)) < len(users) or not all(USER.fullmatch(user) for user in users):
        yield f"the users of basic_auth must be different names without spaces and colons. Got: {', '.join(users)}."
    for entry in site["basic_auth"]:
        if not PASSWORD_HASH.fullmatch(entry["password_hash"]):
            yield (
                f"the password_hash of {entry['user']} must be a hash such as `openssl passwd -6` prints, "
                "beginning with $6$. A password itself does not belong here."
            )


def _logins(site: dict) -> Iterator[str]:
    paths = site["login_paths"]
    served = [location["path"] for location in site["locations"] if location["upstream"] or location["upstreams"]]
    wrong = [path for path in paths if not PATH.fullmatch(path) or not path.startswith(tuple(served))]
    if wrong or len(set(paths)) < len(paths):
        yield (
            "login_paths must list different paths that belong to a location with an upstream, for example [/login]. "
            f"Got: {', '.join(paths)}."
        )
    if not RATE.fullmatch(site["login_rate"]) or site["login_burst"] < 0:
        yield (
            "login_rate must be a number per second or minute, for example 10r/m, and login_burst at least 0. "
            f"Got: {site['login_rate']} and {site['login_burst']}."
        )
    if site["connections_per_client"] < 0:
        yield f"connections_per_client must be at least 0, which sets no limit. Got: {site['connections_per_client']}."
