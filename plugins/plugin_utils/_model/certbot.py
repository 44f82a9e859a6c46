# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a list of certificates must fulfil before a host is touched. Pure: the entries have all their keys."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import ACME, RENEWAL_SHARE

LETS_ENCRYPT = ("production", "staging")
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
GROUP = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
UNIT = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.@\\-]*\.(service|socket|target)")
# systemd itself puts the name of the unit that failed in the place of %n.
ALARM_UNIT = re.compile(UNIT.pattern.replace("@", "@%"))
PATH = re.compile(r"(/[^/\s\"']+)+")
EMAIL = re.compile(r"[^\s@-][^\s@]*@[^\s@]+\.[^\s@]+")
URL = re.compile(r"https://[^\s\"']+")
CREDENTIAL = re.compile(r"[a-z0-9_-]+")
MOST_DOMAINS = 100


def problems(entries: list[dict], settings: dict) -> list[str]:
    """Every broken rule, each with the certificate's name, the rule and what to write instead; never a secret.

    `settings` are the role's other variables without their prefix.
    """
    found = [*_settings(settings), *_names(entries)]
    for entry in entries:
        if entry["state"] == "present":
            rules = (*_domains(entry, settings), *_method(entry), *_provided(entry), *_readers(entry))
            found += [f"Certificate {entry['name']}: {text}" for text in rules]
        elif entry["revoke"] and entry["method"] not in ACME:
            found.append(f"Certificate {entry['name']}: only an authority can revoke; leave revoke out.")
    return found


def _settings(settings: dict) -> Iterator[str]:
    if settings["email"] and not EMAIL.fullmatch(settings["email"]):
        yield (
            f"certbot_email: '{settings['email']}' is no address; write one such as admin@example.org, or leave it "
            "empty."
        )
    if settings["server"] not in LETS_ENCRYPT and not URL.fullmatch(settings["server"]):
        yield (
            f"certbot_server: '{settings['server']}' must be production, staging, or the https:// address of an "
            "authority's directory."
        )
    if settings["ca_bundle"] and not PATH.fullmatch(settings["ca_bundle"]):
        yield "certbot_ca_bundle must be the absolute path of a file on the target."
    if bool(settings["eab_kid"]) != bool(settings["eab_hmac_key"]):
        yield "certbot_eab_kid and certbot_eab_hmac_key belong together; set both or none."
    if re.search(r"\s", settings["eab_kid"] + settings["eab_hmac_key"]):
        yield "certbot_eab_kid and certbot_eab_hmac_key are single words, without blanks or line ends."
    if not 0 < float(settings["alarm_share"]) < RENEWAL_SHARE:
        yield (
            "certbot_alarm_share must lie between 0 and a third, such as 0.25: renewal begins when a third of a "
            "certificate's life is left."
        )
    for unit in settings["alarm_units"]:
        if not ALARM_UNIT.fullmatch(unit):
            yield f"certbot_alarm_units: '{unit}' is no unit's name; write one such as mail-root@%n.service."


def _names(entries: list[dict]) -> Iterator[str]:
    names = [entry["name"] for entry in entries]
    for name in dict.fromkeys(names):
        if not NAME.fullmatch(name) or names.count(name) > 1:
            yield (
                f"certbot_certificates: '{name}' must be the name of one certificate only, of lower-case letters, "
                "digits, dots, hyphens and underscores, for example lab.example.org."
            )


def _domains(entry: dict, settings: dict) -> Iterator[str]:
    domains = entry["domains"]
    strange = [domain for domain in domains if not _is_host(domain) and not _is_address(domain)]
    if not domains or strange:
        yield (
            "domains must list host names in lower case or addresses, for example [lab.example.org, 192.0.2.10]. "
            f"Got: {', '.join(strange) or 'nothing'}."
        )
    if len(set(map(_normalise, domains))) < len(domains) or len(domains) > MOST_DOMAINS:
        yield f"domains must be different, and at most {MOST_DOMAINS}."
    addresses = [domain for domain in domains if _is_address(domain)]
    if entry["method"] in ("webroot", "standalone") and any(domain.startswith("*.") for domain in domains):
        yield "an authority vouches for a wildcard by the DNS alone; write method: dns."
    if entry["method"] == "dns" and addresses:
        yield f"an address has no record to prove itself by; write method: webroot for {', '.join(addresses)}."
    if (
        entry["method"] in ACME
        and addresses
        and settings["server"] in LETS_ENCRYPT
        and entry["profile"] != "shortlived"
    ):
        yield "Let's Encrypt gives certificates for addresses to one profile only; write profile: shortlived."


def _is_host(domain: str) -> bool:
    # All digits and dots is an address gone wrong.
    return bool(HOST.fullmatch(domain)) and not re.fullmatch(r"[0-9.]+", domain)


def _is_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain)
    except ValueError:
        return False
    # The zone of an address may hold anything, and means nothing to others.
    return "%" not in domain


def _normalise(domain: str) -> str:
    return str(ipaddress.ip_address(domain)) if _is_address(domain) else domain


def _method(entry: dict) -> Iterator[str]:
    method, dns = entry["method"], {key: value for key, value in entry["dns"].items() if value}
    if method == "webroot" and not PATH.fullmatch(entry["webroot"]):
        yield "webroot must be the absolute path of the directory that a web server serves on port 80."
    if method == "dns" and ("plugin" in dns) == ("auth_hook" in dns):
        yield "dns needs one of plugin (such as cloudflare) and auth_hook (a program of yours on the target)."
    if method != "dns" and dns:
        yield "dns is for method: dns; leave it out, or choose that method."
    if "plugin" in dns and not WORD.fullmatch(dns["plugin"]):
        yield "dns.plugin is the last part of the plugin's name, such as cloudflare for certbot-dns-cloudflare."
    if "credentials" in dns and "plugin" not in dns:
        yield "dns.credentials are for a plugin; a hook brings its own."
    if ("cleanup_hook" in dns and "plugin" in dns) or ("propagation_seconds" in dns and "auth_hook" in dns):
        yield "dns.cleanup_hook goes with dns.auth_hook, and dns.propagation_seconds with dns.plugin."
    if int(dns.get("propagation_seconds", 0)) < 0:
        yield "dns.propagation_seconds must not be negative."
    for key, value in dns.get("credentials", {}).items():
        if not CREDENTIAL.fullmatch(str(key)) or re.search(r"[\r\n]|\".*'|'.*\"", str(value)):
            yield (
                "dns.credentials holds one line for each setting of the plugin, such as dns_cloudflare_api_token, with "
                "quotes of one kind at most."
            )
    if not all(PATH.fullmatch(dns[hook]) for hook in ("auth_hook", "cleanup_hook") if hook in dns):
        yield "dns.auth_hook and dns.cleanup_hook are absolute paths of programs on the target, without arguments."
    if entry["profile"] and (method not in ACME or not WORD.fullmatch(entry["profile"])):
        yield "profile names a profile of an authority, such as shortlived or tlsserver; other methods have none."
    if method == "self_signed" and (entry["key_type"] != "ecdsa" or int(entry["days"]) < 1):
        yield "a self-signed certificate has an ECDSA key and at least 1 day; correct key_type or days."
    if entry["authority"] and method != "self_signed":
        yield "authority is for method: self_signed; leave it out."
    if entry["revoke"]:
        yield "revoke is for state: absent; leave it out."


def _provided(entry: dict) -> Iterator[str]:
    keys = ("certificate", "key", "certificate_path", "key_path")
    given = {key for key in keys if entry.get(key)}
    if entry["method"] != "provided":
        if given:
            yield f"{', '.join(sorted(given))}: for method: provided; leave it out, or choose that method."
    elif given not in ({"certificate", "key"}, {"certificate_path", "key_path"}):
        yield (
            "give certificate and key (their texts, from the controller) or certificate_path and key_path (on the "
            "target)."
        )
    elif "key" in given and "-----BEGIN CERTIFICATE-----" not in entry["certificate"]:
        yield "certificate must be text in PEM form, such as \"{{ lookup('ansible.builtin.file', 'lab.pem') }}\"."
    elif "key" in given and not re.search(r"-----BEGIN (RSA |EC )?PRIVATE KEY-----", entry["key"]):
        yield "key must be a private key in PEM form and without a passphrase."
    elif "key_path" in given and not all(PATH.fullmatch(entry[key]) for key in given):
        yield "certificate_path and key_path must be absolute paths on the target."


def _readers(entry: dict) -> Iterator[str]:
    if not GROUP.fullmatch(entry["group"]):
        yield "group must name a group of the target that may read the key, such as ssl-cert."
    for unit in (*entry["reload"], *entry["restart"]):
        if not UNIT.fullmatch(unit):
            yield f"'{unit}' in reload or restart is no unit's name; write one such as nginx.service."
