# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: what their entries must be, and the packages and units that they become."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import ACME, METRICS, RENEWAL_SHARE
from ansible_collections.nbops.jupyter.plugins.module_utils._systemd import validation
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model import python_venv, sandbox, timers
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.given import Given
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.patterns import ACCOUNT, CERTIFICATE
from ansible_collections.nbops.jupyter.plugins.plugin_utils._model.specification import COLLECTION

USES = ("python_venv", "systemd")
RELEASE = "/opt/certbot"
SHOWN = ("server", "email", "ca_bundle", "eab_kid", "preflight", "alarm_share", "textfile_directory")
PROGRAM = "/usr/bin/python3 /usr/local/lib/nbops/certificates.py"
LETS_ENCRYPT = ("production", "staging")
HOST = re.compile(r"(?!.{254})(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
UNIT = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.@\\-]*\.(service|socket|target)")
PATH = re.compile(r"(/[^/\s\"']+)+")
EMAIL = re.compile(r"[^\s@-][^\s@]*@[^\s@]+\.[^\s@]+")
URL = re.compile(r"https://[^\s\"']+")
CREDENTIAL = re.compile(r"[a-z0-9_-]+")
MOST_DOMAINS = 100


def problems(given: Given) -> list[str]:
    """What is wrong with the input: each with the certificate's name, the rule and what to write instead.

    A secret is never repeated.
    """
    settings, entries = given.settings, _entries(given)
    found = [*_settings(settings), *_names(entries)]
    for entry in entries:
        if entry["state"] == "present":
            rules = (*_domains(entry, settings), *_method(entry), *_provided(entry), *_readers(entry))
            found += [f"Certificate {entry['name']}: {text}" for text in rules]
        elif entry["revoke"] and entry["method"] not in ACME:
            found.append(f"Certificate {entry['name']}: only an authority can revoke; leave revoke out.")
    release = _release(given, "present")
    if not found and release:
        found += python_venv.release_problems({**given.others["python_venv"], **release})
    return found


def plan(given: Given) -> dict[str, Any]:
    """Packages, and the units once `given.host["result"]` is what the module certificates returned; nothing secret."""
    settings = given.settings
    entries = [entry for entry in _entries(given) if entry["state"] == "present"]
    ordered = [entry for entry in entries if entry["method"] in ACME]
    debian = settings["source"] == "debian"
    packages = ["openssl"] if entries else []
    if debian and ordered:
        packages += ["certbot", *(f"python3-certbot-dns-{plugin}" for plugin in _plugins(ordered))]
    made = {
        **{name: settings[name] for name in SHOWN},
        "packages": packages,
        "install": _install(given, "present") if ordered else {},
        "certbot": "/usr/bin/certbot" if debian else f"{RELEASE}/current/bin/certbot",
        "on_failure": "warn" if settings["on_failure"] == "warn" else "ignore",
    }
    result = given.host.get("result")
    if result:
        declared = result["declared"]
        failures = result["failures"] if settings["on_failure"] == "fail" else {}
        made |= {
            "units": _units(settings, made["certbot"], declared, result["distribution_timer"]),
            "profiles": sandbox.profiles(given.others["systemd"]["sandbox_profiles"]),
            "failures": [f"{name}: {problem}" for name, problem in failures.items()],
            # What would go on to tell of certificates that are gone.
            "remains": [] if declared else [f"{settings['textfile_directory']}/{METRICS}"],
            # certbot from PyPI leaves with the last certificate.
            "remove": {} if declared else _install(given, "absent"),
        }
    return made


def review(made: dict[str, Any]) -> list[str]:
    """What is wrong with the units of a plan."""
    return validation.problems(made["units"], made["profiles"]) if "units" in made else []


def secrets(given: Given) -> dict[str, Any]:
    """The entries for the module certificates, which hold keys and credentials, and the key of the account."""
    return {"certificates": _entries(given), "eab_hmac_key": given.settings["eab_hmac_key"]}


def _entries(given: Given) -> list[dict[str, Any]]:
    return [{"domains": [entry["name"]], **entry} for entry in given.settings["certificates"]]


def _plugins(ordered: list[dict[str, Any]]) -> list[str]:
    return sorted({entry["dns"]["plugin"] for entry in ordered if entry["dns"].get("plugin")})


def _release(given: Given, state: str) -> dict[str, Any]:
    """What certbot from PyPI is as a release of python_venv; empty where certbot is Debian's."""
    if given.settings["source"] != "pypi":
        return {}
    ordered = [entry for entry in _entries(given) if entry["state"] == "present" and entry["method"] in ACME]
    return {
        "path": RELEASE,
        "state": state,
        "lock": given.settings["lock"] or str(COLLECTION / "roles/certbot/files/certbot.txt"),
        "packages": [f"certbot-dns-{plugin}" for plugin in _plugins(ordered)],
        "smoke_commands": [["bin/certbot", "--version"]],
    }


def _install(given: Given, state: str) -> dict[str, Any]:
    release = _release(given, state)
    if not release:
        return {}
    return python_venv.install_plan([python_venv.release(given.others["python_venv"], **release)], given.host)


def _units(
    settings: dict[str, Any], program: str, declared: list[dict[str, Any]], distribution_timer: bool
) -> list[dict[str, Any]]:
    """The units that renew, deploy and check certificates without Ansible; they leave with the last certificate."""
    alarm = timers.on_failure(settings["alarm_units"])
    names = ("nbops-certificates", "nbops-certificates-guard")
    if declared:
        own = [
            _deploy_unit(alarm),
            _guard_unit(alarm, settings["textfile_directory"]),
            _timer(names[0], "Deploy renewed certificates to their servers", "*-*-* 03,09,15,21:00:00", "1h"),
            _timer(names[1], "Check the remaining life of certificates", "*-*-* 06:00:00", "1h"),
        ]
    else:
        own = [{"name": f"{name}.{kind}", "state": "absent"} for kind in ("service", "timer") for name in names]
    return [*own, *_renewal_units(settings, program, declared, distribution_timer, alarm)]


# A key's group is set; and root without the right to overrule permissions could neither serve a foreign webroot nor
# let nginx open its logs.
OWNER = {
    "CapabilityBoundingSet": "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_BIND_SERVICE",
    "SystemCallFilter": ["@system-service", "~@privileged @resources", "@chown"],
}
SERVICE = {
    "Type": "oneshot",
    "User": "root",
    "Environment": "PYTHONDONTWRITEBYTECODE=1",
    "PrivateUsers": False,
    "ProtectHome": "read-only",
    # It reloads what serves a certificate.
    **sandbox.WHOLE_RUN,
}


def _deploy_unit(alarm: dict[str, Any]) -> dict[str, Any]:
    service = {
        **SERVICE,
        **OWNER,
        "ExecStart": f"{PROGRAM} deploy",
        "ReadWritePaths": ["/etc/ssl/jupyter", "/run", "-/var/log/nginx", "-/var/lib/nginx"],
    }
    unit = {"Description": "Deploy renewed certificates to their servers", "After": "network.target", **alarm}
    return _program("nbops-certificates", unit, service)


def _guard_unit(alarm: dict[str, Any], textfile_directory: str) -> dict[str, Any]:
    service = {
        **SERVICE,
        "ExecStart": f"{PROGRAM} guard",
        "CapabilityBoundingSet": "CAP_DAC_OVERRIDE",
        "PrivateNetwork": True,
        "RestrictAddressFamilies": "AF_UNIX",
        "IPAddressDeny": "any",
        "ReadWritePaths": f"-{textfile_directory}",
    }
    unit = {"Description": "Check the remaining life of certificates", **alarm}
    return _program("nbops-certificates-guard", unit, service)


def _program(name: str, unit: dict[str, Any], service: dict[str, Any]) -> dict[str, Any]:
    sections = {"Unit": unit, "Service": service}
    return {"name": f"{name}.service", "sandbox": "daemon", "started": False, "sections": sections}


def _timer(name: str, description: str, calendar: str, delay: str) -> dict[str, Any]:
    timing = {"OnCalendar": calendar, "RandomizedDelaySec": delay, "Persistent": True}
    return timers.timer(name, description, timing)


def _renewal_units(
    settings: dict[str, Any],
    program: str,
    declared: list[dict[str, Any]],
    distribution_timer: bool,
    alarm: dict[str, Any],
) -> list[dict[str, Any]]:
    """What renews certificates of an authority.

    Of the distribution's units, the timer stays as it is, and the service but for sandbox, authority and program.
    """
    if not any(entry["method"] in ACME for entry in declared):
        return [
            {"name": "certbot.service", "state": "absent"},
            {"name": "certbot.service", "drop_in": "nbops", "state": "absent"},
            {"name": "certbot.timer", "state": "absent"},
        ]
    service = _renewal(settings["ca_bundle"], declared)
    if settings["source"] == "pypi":
        command = f"{program} --quiet renew --no-random-sleep-on-renew"
        sections = {
            "Unit": {"Description": "Renew certificates", **alarm},
            "Service": {**service, "Type": "oneshot", "User": "root", "ExecStart": command},
        }
        units = [{"name": "certbot.service", "started": False, "sections": sections}]
        own_timer = [_timer("certbot", "Renew certificates", "*-*-* 00,12:00:00", "12h")]
    else:
        sections = {"Unit": alarm, "Service": service}
        units = [{"name": "certbot.service", "drop_in": "nbops", "sandbox": "standard", "sections": sections}]
        own_timer = []
    return [*units, *([{"name": "certbot.timer", "enabled": True}] if distribution_timer else own_timer)]


def _renewal(ca_bundle: str, declared: list[dict[str, Any]]) -> dict[str, Any]:
    """The sandbox of certbot, which proves names by files, by a port, or by records."""
    webroots = dict.fromkeys(entry["webroot"] for entry in declared if entry["method"] == "webroot")
    service = {
        **OWNER,
        "PrivateUsers": False,
        "ProtectHome": "read-only",
        # Its hooks reload what serves a certificate.
        **sandbox.WHOLE_RUN,
        "ReadWritePaths": [
            *("-/etc/letsencrypt", "-/var/lib/letsencrypt", "-/var/log/letsencrypt"),
            *(f"-{webroot}" for webroot in webroots),
        ],
        "Environment": [f"REQUESTS_CA_BUNDLE={ca_bundle}"] if ca_bundle else [],
    }
    if any(entry["method"] == "dns" for entry in declared):
        service["IPAddressDeny"] = None
    return service


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
    if not 0 < settings["alarm_share"] < RENEWAL_SHARE:
        yield (
            "certbot_alarm_share must lie between 0 and a third, such as 0.25: renewal begins when a third of a "
            "certificate's life is left."
        )
    yield from timers.alarm_problems("certbot_alarm_units", settings["alarm_units"])


def _names(entries: list[dict]) -> Iterator[str]:
    names = [entry["name"] for entry in entries]
    for name in dict.fromkeys(names):
        if not CERTIFICATE.fullmatch(name) or names.count(name) > 1:
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
    method = entry["method"]
    if method == "webroot" and not PATH.fullmatch(entry["webroot"]):
        yield "webroot must be the absolute path of the directory that a web server serves on port 80."
    yield from _dns(method, {key: value for key, value in entry["dns"].items() if value})
    if entry["profile"] and (method not in ACME or not WORD.fullmatch(entry["profile"])):
        yield "profile names a profile of an authority, such as shortlived or tlsserver; other methods have none."
    if method == "self_signed" and (entry["key_type"] != "ecdsa" or entry["days"] < 1):
        yield "a self-signed certificate has an ECDSA key and at least 1 day; correct key_type or days."
    if entry["authority"] and method != "self_signed":
        yield "authority is for method: self_signed; leave it out."
    if entry["revoke"]:
        yield "revoke is for state: absent; leave it out."


def _dns(method: str, dns: dict) -> Iterator[str]:
    """What is wrong with the way to prove a name by DNS; `dns` has what is said of it."""
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
    if not ACCOUNT.fullmatch(entry["group"]):
        yield "group must name a group of the target that may read the key, such as ssl-cert."
    for unit in (*entry["reload"], *entry["restart"]):
        if not UNIT.fullmatch(unit):
            yield f"'{unit}' in reload or restart is no unit's name; write one such as nginx.service."
