# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys the certificates that the role certbot declared, on the host itself and without Ansible.

`deploy` puts what was issued, renewed or is about to expire where servers read it, and makes them load it. The module
calls it. So does a service, after every renewal and regularly, which also repeats a deployment that failed.
`guard` reports certificates that are about to expire, whoever issued them.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import (
    CHAIN,
    CertificateStore,
    read_pair,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import (
    PLACEHOLDER,
    CertificateError,
    Facts,
    blocks,
    days_left,
    facts,
    make_certificate,
    make_key,
    require_valid,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic, beneath, locks, textfile
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run

SETTINGS = "/etc/nbops-certificates.json"
LIVE = "/etc/letsencrypt/live"
ACME = ("webroot", "standalone", "dns")
METRICS = "nbops_certificates.prom"
# Self-signed certificates are renewed when less than this share of their life is left, as certbot renews others.
RENEWAL_SHARE = 1 / 3
# What can be wrong with a certificate.
UNISSUED, EXPIRED, OVERDUE = "unissued", "expired", "overdue"
_LOCK = "/run/nbops-certificates.lock"
AUTHORITY = ".authority"
_AUTHORITY_DAYS = 3650
_DAY = 86400
# systemctl's exit status for a unit that the host does not have, so that nothing has to load the certificate.
_NOT_INSTALLED = 5

Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class Due:
    """A declared certificate that is to be deployed. Without a pair, a self-signed one is to be made."""

    entry: dict[str, Any]
    store: CertificateStore
    pair: Pair | None


def deploy(settings: dict[str, Any], provided: dict[str, Pair] | None = None) -> tuple[list[str], dict[str, str]]:
    """Puts every certificate in place that is due, and makes the services load it.

    `provided` are pairs from the controller by name. Returns the names of deployed certificates, and errors by name. An
    error leaves its certificate as it was, and the others are deployed all the same.
    """
    begun: dict[str, CertificateStore] = {}
    with locks.alone(_LOCK):
        to_do, failures = due(settings, provided)
        for certificate in to_do:
            name = certificate.entry["name"]
            try:
                certificate.store.begin(certificate.pair or _make_pair(certificate.entry, settings))
                begun[name] = certificate.store
            except (CertificateError, OSError) as error:
                failures[name] = str(error)
        if begun:
            failures.update(_load([entry for entry in settings["certificates"] if entry["name"] in begun], begun))
    return [name for name in begun if name not in failures], failures


def due(settings: dict[str, Any], provided: dict[str, Pair] | None = None) -> tuple[list[Due], dict[str, str]]:
    """The declared certificates that are not in place or not loaded, and errors by name. Changes nothing."""
    found, failures = [], {}
    for entry in settings["certificates"]:
        store = CertificateStore(settings["directory"], entry["name"], entry["group"])
        try:
            pair = (provided or {}).get(entry["name"]) or _available_pair(entry, settings)
            is_due = entry["method"] == "self_signed" if pair is None else not store.is_current(pair)
        except (CertificateError, OSError) as error:
            failures[entry["name"]] = str(error)
            continue
        if is_due:
            found.append(Due(entry, store, pair))
    return found, failures


def _available_pair(entry: dict[str, Any], settings: dict[str, Any]) -> Pair | None:
    """Certificate and key that have to be in place; None if they are not issued or not made yet."""
    if entry["method"] in ACME:
        return read_pair(os.path.join(LIVE, entry["name"]))
    if entry["method"] == "provided" and entry["certificate_path"]:
        pair = _provided(entry["certificate_path"]), _provided(entry["key_path"])
        require_valid(*pair, entry["domains"], time.time())
        return pair
    present = read_pair(os.path.join(settings["directory"], entry["name"]))
    if entry["method"] == "self_signed" and present and not _is_as_described(present[0], entry, settings):
        return None
    return present


def _provided(path: str) -> bytes:
    """The content of a file that may be a person's, who must not have others' keys deployed by a link."""
    try:
        content = beneath.read(path)
    except ValueError as error:
        raise CertificateError(str(error)) from None
    if content is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return content


def _is_as_described(chain: bytes, entry: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Whether a certificate is the self-signed one that an entry describes, with enough of its life left."""
    if chain.startswith(PLACEHOLDER):
        return False
    issuer = b""
    if entry["authority"]:
        authority = _authority(settings)
        if authority is None:
            return False
        issuer = authority[0]
    try:
        said = facts(chain)
    except CertificateError:
        return False
    return (
        b"".join(blocks(chain)[1:]) == issuer
        and said.is_for(entry["domains"])
        and round((said.not_after - said.not_before) / _DAY) == entry["days"]
        and said.share_left(time.time()) >= RENEWAL_SHARE
    )


def _make_pair(entry: dict[str, Any], settings: dict[str, Any]) -> Pair:
    issuer = (_authority(settings) or _make_authority(settings)) if entry["authority"] else None
    key = make_key("ecdsa")
    return make_certificate(entry["domains"], entry["days"], key, issuer), key


def _authority(settings: dict[str, Any]) -> Pair | None:
    """This host's own authority; None if there is none that outlives all certificates that it signs."""
    pair = read_pair(os.path.join(settings["directory"], AUTHORITY))
    if pair is None or days_left(facts(pair[0]).not_after, time.time()) <= _longest(settings):
        return None
    return pair


def _make_authority(settings: dict[str, Any]) -> Pair:
    key = make_key("ecdsa")
    title = f"Certificate authority of {socket.gethostname()}"
    pair = make_certificate([title], max(_AUTHORITY_DAYS, 2 * _longest(settings)), key, authority=True), key
    store = CertificateStore(settings["directory"], AUTHORITY)
    store.begin(pair)
    store.commit()
    return pair


def _longest(settings: dict[str, Any]) -> int:
    """The longest life of a certificate that this host's authority signs, in days."""
    return max(entry["days"] for entry in settings["certificates"] if entry["authority"])


def _load(entries: list[dict[str, Any]], begun: dict[str, CertificateStore]) -> dict[str, str]:
    """Makes the services load new certificates, then commits or undoes each; returns errors by name."""
    refusal = _nginx_refusal() if any("nginx.service" in entry["reload"] for entry in entries) else ""
    if refusal:
        for store in begun.values():
            store.undo()
        return dict.fromkeys(begun, f"nginx refuses its configuration, and the old certificate stays: {refusal}")
    unit_failures = _reload_units(entries)
    failures = {}
    for entry in entries:
        messages = [unit_failures[unit] for unit in (*entry["reload"], *entry["restart"]) if unit in unit_failures]
        if messages:
            failures[entry["name"]] = "; ".join(messages)
        else:
            begun[entry["name"]].commit()
    return failures


def _reload_units(entries: list[dict[str, Any]]) -> dict[str, str]:
    """Reloads or restarts the running services of the entries, each once; returns errors by unit."""
    failures = {}
    for verb, key in (("try-reload-or-restart", "reload"), ("try-restart", "restart")):
        for unit in dict.fromkeys(unit for entry in entries for unit in entry[key]):
            status, messages = _run("systemctl", verb, unit)
            if status not in (0, _NOT_INSTALLED):
                failures[unit] = f"{unit} did not take the new certificate: {messages}"
    return failures


def _nginx_refusal() -> str:
    """Why a running nginx refuses its configuration, which includes the certificates; empty if it does not."""
    if _run("systemctl", "is-active", "--quiet", "nginx.service")[0] != 0:
        return ""
    status, messages = _run("nginx", "-t", "-q")
    return messages if status != 0 else ""


def _run(*argv: str) -> tuple[int, str]:
    status, out, messages = run(*argv)
    return status, (out + messages).decode(errors="replace").strip()


@dataclass(frozen=True)
class Kept:
    """A certificate in the directory, or one that should be there; without facts, `problem` says why."""

    name: str
    facts: Facts | None = None
    is_placeholder: bool = False
    problem: str = ""


def kept(directory: str, declared: Collection[str]) -> list[Kept]:
    """The certificates in a directory, whoever put them there, and those that are declared."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    present = {
        name for name in names if not name.startswith(".") and os.path.lexists(os.path.join(directory, name, CHAIN))
    }
    return [_kept(directory, name) for name in sorted(present | set(declared))]


def _kept(directory: str, name: str) -> Kept:
    try:
        with open(os.path.join(directory, name, CHAIN), "rb") as file:
            chain = file.read()
        return Kept(name, facts(chain), chain.startswith(PLACEHOLDER))
    except (CertificateError, OSError) as error:
        return Kept(name, problem=str(error))


def concern(days: int, share: float, alarm_share: float, *, is_unissued: bool) -> str:
    """What is wrong with a certificate that can be read, UNISSUED, EXPIRED or OVERDUE; empty where nothing is.

    It has `days` and the `share` of its life left. One that the host was to order and made itself is unissued.
    """
    if is_unissued:
        return UNISSUED
    if days < 0:
        return EXPIRED
    return OVERDUE if share < alarm_share else ""


def guard(settings: dict[str, Any]) -> list[str]:
    """One sentence for each certificate that needs attention. Writes metrics if node_exporter reads any."""
    now, alarms, readable = time.time(), [], {}
    declared = {entry["name"] for entry in settings["certificates"]}
    for certificate in kept(settings["directory"], declared):
        name, said = certificate.name, certificate.facts
        if said is None:
            alarms.append(f"{name}: no certificate can be read: {certificate.problem}")
            continue
        readable[name] = said
        days = days_left(said.not_after, now)
        is_unissued = certificate.is_placeholder and name in declared
        wrong = concern(days, said.share_left(now), settings["alarm_share"], is_unissued=is_unissued)
        if wrong == UNISSUED:
            alarms.append(f"{name}: still a self-signed placeholder; nothing was issued")
        elif wrong == EXPIRED:
            alarms.append(f"{name}: expired {-days} days ago")
        elif wrong == OVERDUE:
            alarms.append(f"{name}: expires in {days} days, which should have been renewed long since")
    if os.path.isdir(settings["textfile_directory"]):
        _write_metrics(os.path.join(settings["textfile_directory"], METRICS), readable)
    return alarms


def _write_metrics(path: str, certificates: dict[str, Facts]) -> None:
    metrics = [
        textfile.metric(
            f"nbops_certificate_not_{edge}_timestamp_seconds",
            "gauge",
            f"Time at which a certificate {words} valid.",
            [({"name": name}, f"{getattr(said, f'not_{edge}'):.0f}") for name, said in certificates.items()],
        )
        for edge, words in (("before", "begins to be"), ("after", "ceases to be"))
    ]
    # Everybody can read it, because node_exporter is not root.
    atomic.write(path, "".join(metrics).encode(), 0o644)
