# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx sites: what their entries must be, and the certificates, files and jail that they become.

Everything that is copied into the configuration has one of the forms below, so that no value ends its directive.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.parser import EVERY_IPV4
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import nginx_locations
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.networks import is_everybody, networks
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.nginx_files import (
    CERTIFICATES,
    JAIL,
    LOGS,
    MARK,
    Nginx,
    covering,
    managed,
)
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.nginx_locations import ABSOLUTE, PATH, PORTS, TIME
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import CERTIFICATE

# Names become files and URLs: no longer than these can be.
NAME = re.compile(r"(?!.{65})[a-z0-9]+(-[a-z0-9]+)*")
HOST = re.compile(r"(?!.{254})(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:.]{1,44}")
SIZE = re.compile(r"[0-9]+[kmg]?")
HSTS = re.compile(r"[a-zA-Z0-9=; -]*")
POLICY = re.compile(r"[a-zA-Z0-9*'=;:/., _+-]*")
RATE = re.compile(r"[1-9][0-9]{0,4}r/[sm]")
USER = re.compile(r"[a-zA-Z0-9._@-]+")
PASSWORD_HASH = re.compile(r"\$[a-zA-Z0-9]+\$[a-zA-Z0-9./$=,]{8,}")


def problems(given: Given) -> list[str]:
    """What is wrong with the sites, or with the host: each with the site's name, the rule and what to write instead."""
    sites = _present(given)
    found = [*_settings(given.settings), *_names(given.settings["sites"]), *_defaults(sites)]
    for site in sites:
        others = [other for other in sites if other is not site]
        found += [f"Site {site['name']}: {text}" for text in _site(site, others)]
    return found or list(_host(given))


def plan(given: Given) -> dict[str, Any]:
    """Packages, certificates and files of all sites; nothing of it is secret.

    `given.host["found"]` is what the module nginx_info returned. Without it, the plan holds what that module is asked.
    """
    asked = {"mark": MARK, "jail": JAIL, "addresses": _addresses(_present(given))}
    found = given.host.get("found")
    if not found:
        return asked
    sites = _sites(given)
    present = [site for site in sites if site["state"] == "present"]
    names = [site["name"] for site in present]
    nginx = Nginx(given.settings, sites, given.host)
    certificates = _certificates(present)
    absent = [site["certificate"] for site in sites if site["state"] == "absent" and site["certificate"]]
    return {
        **asked,
        "missing": _missing_packages(given.settings, present, found),
        "is_new": not found["installed"],
        "certificates": certificates,
        "unused_certificates": [name for name in dict.fromkeys(absent) if name not in certificates],
        # Without nginx and without sites, there is nothing to write and nothing to remove.
        "files": nginx.files() if found["installed"] or present else {},
        "private_group": found["group"],
        "logs": [f"{LOGS}/{name}.{log}.log" for name in names for log in ("access", "error")],
        "requires": [
            *(f"{CERTIFICATES}/{name}/fullchain.pem" for name in certificates),
            *(site["client_ca"] for site in present if site["client_ca"]),
        ],
        # In check mode there is no unit before the installation.
        "runs": bool(found["installed"] and present),
        "fail2ban": _fail2ban(given.settings["fail2ban"], nginx, found["fail2ban"]["jail"]),
    }


def secrets(given: Given) -> dict[str, str | None]:
    """The passwords of each site by the path of their file below /etc/nginx, None for a file to remove."""
    present = {site["name"]: site["basic_auth"] for site in _present(given)}
    head = [managed(given.host), f"# {MARK}"]
    files = {}
    for name in (site["name"] for site in given.settings["sites"]):
        lines = [f"{entry['user']}:{entry['password_hash']}" for entry in present.get(name, [])]
        files[f"nbops/{name}/passwords"] = "\n".join([*head, *lines, ""]) if lines else None
    return files


def _sites(given: Given) -> list[dict[str, Any]]:
    """The sites with the keys whose defaults depend on others."""
    maintenance = {"maintenance": given.settings["maintenance"]}
    return [
        {**maintenance, "certificate": next(iter(site["server_names"]), ""), **site} for site in given.settings["sites"]
    ]


def _present(given: Given) -> list[dict[str, Any]]:
    return [site for site in _sites(given) if site["state"] == "present"]


def _addresses(sites: list[dict[str, Any]]) -> list[str]:
    """Where nginx listens for the sites."""
    return sorted(
        {
            f"{address}:{site[port]}"
            for site in sites
            for address in site["listen_addresses"] or [EVERY_IPV4]
            for port in ("http_port", "https_port")
        }
    )


def _certificates(sites: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The host names and addresses of each certificate. One that two sites share is valid for the names of both."""
    names: dict[str, list[str]] = {}
    for site in sorted(sites, key=lambda site: site["certificate"]):
        shared = names.setdefault(site["certificate"], [])
        shared += [name for name in dict.fromkeys(site["server_names"]) if name not in shared]
    return names


def _missing_packages(settings: dict[str, Any], sites: list[dict[str, Any]], found: dict[str, Any]) -> list[str]:
    """The packages of Debian to install for the sites."""
    if not sites:
        return []
    names = [] if found["installed"] else ["nginx", "openssl"]
    serves_files = any(location["directory"] for site in sites for location in site["locations"])
    # Debian's modules fit Debian's nginx alone, which is what an empty host gets.
    fits = found["packaged_by_debian"] or not found["installed"]
    if settings["brotli"] and serves_files and fits and not found["brotli"]:
        names.append("libnginx-mod-http-brotli-static")
    if settings["fail2ban"] and not found["fail2ban"]["installed"]:
        names += ["fail2ban", "nftables", "python3-systemd"]
    return names


def _fail2ban(wanted: bool, nginx: Nginx, has_jail: bool) -> dict[str, str]:
    """The jail, for the module fail2ban_jail; empty where there is nothing to do."""
    if wanted and nginx.sites:
        return {"state": "present", **nginx.jail()}
    return {"state": "absent", "filter": "", "jail": ""} if has_jail else {}


def _host(given: Given) -> Iterator[str]:
    for stranger in given.host.get("found", {}).get("strangers", []):
        yield (
            f"nginx is to listen on {stranger['address']}, which is taken by {stranger['process']}. Stop and disable "
            "that, or give the sites other ports: http_port and https_port in nginx_sites, or in jupyter_site of the "
            "playbooks."
        )
    yield from _namesakes(given)
    complaint = given.host.get("found", {}).get("complaint")
    if complaint and given.settings["reject_unknown_hosts"]:
        yield (
            "nginx refuses the configuration that this host has already, so nothing can be added to it: "
            f"{complaint} Mend it first. If another site is to be the default server of a port where unknown names are "
            "rejected now, set `nginx_reject_unknown_hosts: false`."
        )


def _namesakes(given: Given) -> Iterator[str]:
    """nginx would serve one of two sites of a name, and only warn of the other."""
    if not given.host.get("found"):
        return
    nginx = Nginx(given.settings, _sites(given), given.host)
    for site in _present(given):
        for file, names in nginx.namesakes(site).items():
            yield (
                f"Site {site['name']}: {', '.join(names)} is the name of another site of this host already, in {file}. "
                "Remove that site, or give this one another name or port: server_names, or jupyter_domain or "
                "jupyter_site of the playbooks. A hub beside labs has the name of its jupyterhub_public_url."
            )


def _settings(settings: dict) -> Iterator[str]:
    yield from networks("nginx_trusted_proxies", settings["trusted_proxies"])
    for network in settings["trusted_proxies"]:
        if is_everybody(network):
            yield f"nginx_trusted_proxies: {network} would believe everybody. List the proxies before this host."
    if not TIME.fullmatch(settings["worker_shutdown_timeout"]):
        yield (
            "nginx_worker_shutdown_timeout must be a number with the unit s, m, h or d, for example 1d "
            f"(got '{settings['worker_shutdown_timeout']}')."
        )
    for key in "fail2ban_max_retry", "fail2ban_find_seconds", "fail2ban_ban_seconds":
        if settings[key] < 1:
            yield f"nginx_{key} must be 1 or more (got {settings[key]}). To ban nobody, set `nginx_fail2ban: false`."
    yield from networks("nginx_fail2ban_ignore", settings["fail2ban_ignore"])


def _names(sites: list[dict]) -> Iterator[str]:
    names = [site["name"] for site in sites]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or names.count(name) > 1:
            yield (
                f"nginx_sites: '{name}' must be the name of one site only, of at most 64 lower-case letters, digits "
                "and single hyphens, for example my-lab."
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
    yield from _size("client_max_body_size", site["client_max_body_size"])
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
        if location["client_max_body_size"]:
            yield from _size(f"client_max_body_size of {location['path']}", location["client_max_body_size"])


def _size(key: str, size: str) -> Iterator[str]:
    if not SIZE.fullmatch(size):
        yield f"{key} must be a number with the unit k, m, g or none, for example 512m (got '{size}')."


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
    covers = {path: covering(site["locations"], path) or {} for path in paths}
    served = {path for path, location in covers.items() if location.get("upstream") or location.get("upstreams")}
    wrong = [path for path in paths if not PATH.fullmatch(path) or path not in served]
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
