# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of nginx and fail2ban: what the templates of the role nginx are filled with."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jinja2
from ansible.module_utils.compat.version import LooseVersion
from ansible.plugins.filter.core import comment
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import heads
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

# Every file contains it. A file without it belongs to somebody else.
MARK = "role nbops.jupyter.nginx"
DIRECTORY = "/etc/nginx"
CERTIFICATES = "/etc/ssl/jupyter"
LOGS = "/var/log/nginx"
JAIL = "nbops-nginx-login"
TEMPLATES = COLLECTION / "roles/nginx/templates"
# Mozilla's guidelines 6.0. TLS 1.3 has ciphers of its own, which are all good.
TLS = {
    "intermediate": (
        ["TLSv1.2", "TLSv1.3"],
        [
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-CHACHA20-POLY1305",
        ],
    ),
    "modern": (["TLSv1.3"], []),
}
CURVES = ["X25519", "prime256v1", "secp384r1"]
# How long a service may be silent: where websockets are, and where a page is to come.
WEBSOCKET_TIMEOUT = "1d"
PAGE_TIMEOUT = "60s"


def managed(host: dict[str, Any]) -> str:
    """The comment at the top of each file: `ansible_managed`, where the user sets it."""
    return comment(host.get("ansible_managed") or "Ansible managed")


@dataclass(frozen=True)
class Endpoint:
    """An address and port that sites of this role listen on."""

    address: str
    ssl: bool
    # Whether a site answers to all other names there.
    default: bool
    # Whether somebody else's site listens there too, and decides what happens to all other names.
    shared: bool
    taken: bool


class Nginx:
    """The nginx of a host, with the sites of this run."""

    def __init__(self, settings: dict[str, Any], sites: list[dict[str, Any]], host: dict[str, Any]) -> None:
        """`sites` have all their keys; `host["found"]` is what the module nginx_info returned."""
        self.settings, self._all, self._found = settings, sites, host["found"]
        self.managed = managed(host)
        self.trusted_proxies = settings["trusted_proxies"]
        self.brotli = self._found["brotli"]
        version = LooseVersion(self._found["version"])
        # Before nginx 1.25.1, HTTP/2 belongs to the socket.
        self.socket_http2 = " http2" if version < LooseVersion("1.25.1") else ""
        self.header_buffers = "{} {}k".format(*heads.NGINX)
        self.rotates_tickets = version >= LooseVersion("1.23.2")
        self.protocols, self.ciphers = TLS[settings["tls_profile"]]
        hybrid = LooseVersion(self._found["openssl_version"]) >= LooseVersion("3.5")
        self.curves = [*(["X25519MLKEM768"] if hybrid else []), *CURVES]
        own = {f"{DIRECTORY}/conf.d/nbops-{site['name']}.conf" for site in sites}
        self._others = [one for one in self._found["listeners"] if one["file"] not in own]
        present = [site for site in sites if site["state"] == "present"]
        self._endpoints = {one.address: one for one in self._listening(present)}
        self.sites = [Site(site, self) for site in present]

    def files(self) -> dict[str, str | None]:
        """The text of every file below /etc/nginx, None for a file to remove. Shared files leave with the last site."""
        texts: dict[str, str | None] = {}
        present = {site.name: site for site in self.sites}
        for name in (site["name"] for site in self._all):
            site = present.get(name)
            texts[f"conf.d/nbops-{name}.conf"] = site and self._render("nginx/conf.d/site.conf", site=site)
            for page in "error", "maintenance":
                own = site and site.entry[f"{page}_page"]
                texts[f"nbops/{name}/{page}.html"] = f"{own}\n<!-- {MARK} -->\n" if own else None
        limits = self._found["reads_main_files"] and not self._found["shutdown_timeout_elsewhere"]
        shared = {
            "conf.d/00-nbops.conf": True,
            "modules-enabled/90-nbops.conf": limits,
            "nbops/error.html": True,
            "nbops/maintenance.html": True,
        }
        for path, wanted in shared.items():
            texts[path] = self._render(f"nginx/{path}") if wanted and self._endpoints else None
        return texts

    def jail(self) -> dict[str, str]:
        """The filter and the jail of fail2ban: they watch all sites of this role, also those of other runs."""
        return {
            "filter": self._render(f"fail2ban/filter.d/{JAIL}.conf"),
            "jail": self._render(f"fail2ban/jail.d/{JAIL}.conf"),
        }

    @property
    def has_auth_log(self) -> bool:
        """Whether the log exists that fail2ban's jail for SSH reads on Debian 12."""
        return self._found["fail2ban"]["auth_log"]

    @property
    def watched_logs(self) -> list[str]:
        """The access logs of all sites of this role."""
        ours = [re.fullmatch(r".*/nbops-(.*)\.conf", one["file"]) for one in self._others if one["ours"]]
        names = {site.name for site in self.sites} | {match[1] for match in ours if match}
        return [f"{LOGS}/{name}.access.log" for name in sorted(names)]

    @property
    def ports(self) -> list[str]:
        """The ports of all sites of this role."""
        return sorted({address.rpartition(":")[2] for address in self._endpoints})

    @property
    def rejecting(self) -> list[Endpoint]:
        """Where connections for unknown names are closed."""
        if not self.settings["reject_unknown_hosts"]:
            return []
        return [one for one in self._endpoints.values() if not one.default and not one.taken]

    def addresses(self, site: dict[str, Any]) -> list[str]:
        """The addresses that a site listens on."""
        return site["listen_addresses"] or (["*", "[::]"] if self._found["ipv6"] else ["*"])

    def namesakes(self, site: dict[str, Any]) -> dict[str, list[str]]:
        """The names of a site that another one on the same address has, by the file of that one."""
        mine = {f"{address}:{site[port]}" for address in self.addresses(site) for port in ("http_port", "https_port")}
        found: dict[str, list[str]] = {}
        for other in self._others:
            shared = [name for name in _written(site["server_names"]) if name in other["names"]]
            if shared and other["endpoint"] in mine:
                found[other["file"]] = shared
        return found

    def listen(self, address: str, *, default: bool) -> str:
        """What follows `listen` in the block of a site."""
        endpoint = self._endpoints[address]
        # Other sites use a shared socket: it stays as it is.
        tls = (" ssl" + ("" if endpoint.shared else self.socket_http2)) if endpoint.ssl else ""
        # nginx tells of a second default server for TLS; without TLS, the first one keeps its role.
        wanted = default and (endpoint.ssl or not endpoint.taken)
        return f"{address}{tls}{' default_server' if wanted else ''}"

    def _render(self, path: str, **values: Any) -> str:
        template = _environment().get_template(f"etc/{path}.j2")
        return template.render(nginx=self, mark=MARK, managed=self.managed, **values)

    def _listening(self, present: list[dict[str, Any]]) -> Iterator[Endpoint]:
        """The endpoints of this run's sites, and of those of other runs that are on the host."""
        ssl: dict[str, bool] = {}
        defaults = set()
        for one in self._others:
            if one["ours"] and not one["file"].endswith("/00-nbops.conf"):
                ssl[one["endpoint"]] = one["ssl"]
                defaults |= {one["endpoint"]} if one["default"] else set()
        for site in present:
            for address in self.addresses(site):
                for port, is_ssl in (site["http_port"], False), (site["https_port"], True):
                    ssl[f"{address}:{port}"] = is_ssl
                    defaults |= {f"{address}:{port}"} if site["default"] else set()
        listeners = self._found["listeners"]
        shared = {one["endpoint"] for one in listeners if not one["ours"]}
        named = {one["endpoint"] for one in listeners if not one["ours"] and one["default"]}
        ours = {one["endpoint"] for one in listeners if one["ours"] and one["default"]}
        for address, is_ssl in ssl.items():
            taken = address in named or (address in shared and address not in ours)
            yield Endpoint(address, is_ssl, address in defaults, address in shared, taken)


class Site:
    """A site that is present, with what its configuration says."""

    def __init__(self, entry: dict[str, Any], nginx: Nginx) -> None:
        self.entry = entry
        self.name = entry["name"]
        self.prefix = f"nbops_{self.name.replace('-', '_')}"
        self.server_names = " ".join(_written(entry["server_names"]))
        self.certificate = f"{CERTIFICATES}/{entry['certificate']}"
        self.http = [
            nginx.listen(f"{address}:{entry['http_port']}", default=entry["default"])
            for address in nginx.addresses(entry)
        ]
        self.https = [
            nginx.listen(f"{address}:{entry['https_port']}", default=entry["default"])
            for address in nginx.addresses(entry)
        ]
        self.https_suffix = "" if entry["https_port"] == 443 else f":{entry['https_port']}"
        forwarded = f"${self.prefix}"
        self.host = f"{forwarded}_host" if nginx.trusted_proxies else "$http_host"
        self.scheme = f"{forwarded}_scheme" if nginx.trusted_proxies else "$scheme"
        self.port = f"{forwarded}_port" if nginx.trusted_proxies else "$server_port"
        self.locations = [_location(one, f"{self.prefix}_{number}") for number, one in enumerate(entry["locations"])]
        self.logins = {path: _login(covering(self.locations, path)) for path in entry["login_paths"]}
        # What the access log has for the kind of a request.
        self.kind = f"${self.prefix}_kind" if self.logins else "-"


def _written(names: list[str]) -> list[str]:
    """Names and addresses as nginx has them."""
    return [f"[{name}]" if ":" in name else name for name in names]


def covering(locations: list[dict[str, Any]], path: str) -> dict[str, Any] | None:
    """The location that nginx chooses for a path: the one with the longest beginning."""
    found = [location for location in locations if path.startswith(location["path"])]
    return max(found, key=lambda location: len(location["path"]), default=None)


def _location(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """A location with the name and the servers of its upstream, and its finished redirect and timeout."""
    single = [{"server": entry["upstream"], "weight": 1, "backup": False}] if entry["upstream"] else []
    # The path of the request is added to an address that ends with the host.
    whole = re.fullmatch(r"https?://[^/]+", entry["redirect"])
    return {
        **entry,
        "upstream": name,
        "servers": [_server(server) for server in entry["upstreams"] or single],
        "redirect": entry["redirect"] + ("$request_uri" if whole else ""),
        "read_timeout": entry["read_timeout"] or (WEBSOCKET_TIMEOUT if entry["websocket"] else ""),
        "login_timeout": entry["read_timeout"] or PAGE_TIMEOUT,
        "pages": _pages(entry["path"], entry["pages"]),
        "page_timeout": PAGE_TIMEOUT,
    }


def _login(location: dict[str, Any]) -> dict[str, Any]:
    """The page to log in of a location, which is never a websocket."""
    return {**location, "websocket": False, "read_timeout": location["login_timeout"]}


def _pages(path: str, pages: list[str]) -> str:
    """A pattern that fits the path of a location, and the pages below it with what is below them; empty without any."""
    if not pages:
        return ""
    parts = ([re.escape(part) if part != "*" else "[^/]+" for part in page.split("/")] for page in pages)
    return f"^{re.escape(path)}(?:$|(?:{'|'.join(map('/'.join, parts))})(?:/|$))"


def _server(server: dict[str, Any]) -> str:
    weight = "" if server["weight"] == 1 else f" weight={server['weight']}"
    return f"{server['server']}{weight}{' backup' if server['backup'] else ''}"


@functools.cache
def _environment() -> jinja2.Environment:
    # Configuration is no HTML, and the pages are written by administrators.
    return jinja2.Environment(  # noqa: S701
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
