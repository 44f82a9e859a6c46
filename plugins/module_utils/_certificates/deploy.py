# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the certificates that the role certbot declared, on the host itself and without Ansible.

`deploy` brings what was issued, renewed or is due to the place that servers read, and has it loaded. The module calls
it, and a service does: after every renewal, and regularly, so that a deployment that failed is made good.
`guard` fails where a certificate is about to expire, whoever issued it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import (
    CHAIN,
    CertificateStore,
    read_pair,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import (
    PLACEHOLDER,
    CertificateError,
    blocks,
    days_left,
    facts,
    make_certificate,
    make_key,
    require_valid,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run

SETTINGS = "/etc/nbops-certificates.json"
LIVE = "/etc/letsencrypt/live"
ACME = ("webroot", "standalone", "dns")
METRICS = "nbops_certificates.prom"
# Our own certificates are made anew when less than this share of their life is left, as certbot does with others.
RENEWAL_SHARE = 1 / 3
_LOCK = "/run/nbops-certificates.lock"
AUTHORITY = ".authority"
_AUTHORITY_DAYS = 3650
_DAY = 86400
# What systemctl answers for a unit that the host does not have, and which thus does not run.
_NOT_INSTALLED = 5


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Waits until nobody else deploys."""
    with open(_LOCK, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def deploy(
    settings: dict[str, Any], provided: dict[str, tuple[bytes, bytes]] | None = None
) -> tuple[list[str], dict[str, str]]:
    """Brings every declared certificate in place and loads it; `provided` are those that come with the order.

    Returns the names of those that were replaced or loaded, and what went wrong by name. What goes wrong with one
    leaves it as it was and does not keep the others.
    """
    begun: dict[str, CertificateStore] = {}
    failures: dict[str, str] = {}
    with only_one():
        for entry in settings["certificates"]:
            store = CertificateStore(settings["directory"], entry["name"], entry["group"])
            try:
                pair = (provided or {}).get(entry["name"]) or wanted_pair(entry, settings["directory"])
                if pair is not None and not store.is_current(pair):
                    store.begin(pair)
                    begun[entry["name"]] = store
            except (CertificateError, OSError) as error:
                failures[entry["name"]] = str(error)
        if begun:
            failures.update(_load(settings, begun))
    return [name for name in begun if name not in failures], failures


def wanted_pair(entry: dict[str, Any], directory: str) -> tuple[bytes, bytes] | None:
    """Certificate and key that have to be in place; None where they are not there yet.

    A self-signed one is made where there is none that will do.
    """
    if entry["method"] in ACME:
        return read_pair(os.path.join(LIVE, entry["name"]))
    present = read_pair(os.path.join(directory, entry["name"]))
    if entry["method"] == "self_signed":
        return present if present and will_do(present[0], entry, directory) else _make_pair(entry, directory)
    if entry["certificate_path"]:
        with open(entry["certificate_path"], "rb") as chain_file, open(entry["key_path"], "rb") as key_file:
            pair = chain_file.read(), key_file.read()
        require_valid(*pair, entry["domains"], time.time())
        return pair
    return present


def will_do(chain: bytes, entry: dict[str, Any], directory: str) -> bool:
    """Whether a certificate is the self-signed one that an entry describes, with enough of its life left."""
    try:
        said = facts(chain)
    except CertificateError:
        return False
    issuer = b"".join(blocks(chain)[1:])
    authority = read_pair(os.path.join(directory, AUTHORITY)) if entry["authority"] else (b"", b"")
    return (
        not chain.startswith(PLACEHOLDER)
        and authority is not None
        and issuer == authority[0]
        and said.is_for(entry["domains"])
        and round((said.not_after - said.not_before) / _DAY) == entry["days"]
        and said.share_left(time.time()) >= RENEWAL_SHARE
    )


def _make_pair(entry: dict[str, Any], directory: str) -> tuple[bytes, bytes]:
    key = make_key("ecdsa")
    issuer = _authority(directory, entry["days"]) if entry["authority"] else None
    return make_certificate(entry["domains"], entry["days"], key, issuer), key


def _authority(directory: str, days: int) -> tuple[bytes, bytes]:
    """This host's own authority, made where there is none that outlives a certificate of so many days."""
    store = CertificateStore(directory, AUTHORITY)
    pair = store.pair()
    if pair is None or days_left(facts(pair[0]).not_after, time.time()) <= days:
        key = make_key("ecdsa")
        title = f"Certificate authority of {socket.gethostname()}"
        pair = make_certificate([title], max(_AUTHORITY_DAYS, 2 * days), key, authority=True), key
        store.begin(pair)
        store.commit()
    return pair


def _load(settings: dict[str, Any], begun: dict[str, CertificateStore]) -> dict[str, str]:
    """Has the services load their new certificates, each service once; returns what went wrong by certificate."""
    entries = [entry for entry in settings["certificates"] if entry["name"] in begun]
    refusal = _nginx_refusal() if any("nginx.service" in entry["reload"] for entry in entries) else ""
    if refusal:
        for store in begun.values():
            store.undo()
        return dict.fromkeys(begun, f"nginx refuses its configuration, and the old certificate stays: {refusal}")
    complaints = {}
    for verb, key in (("try-reload-or-restart", "reload"), ("try-restart", "restart")):
        for unit in dict.fromkeys(unit for entry in entries for unit in entry[key]):
            status, words = _run("systemctl", verb, unit)
            if status not in (0, _NOT_INSTALLED):
                complaints[unit] = f"{unit} did not take the new certificate: {words}"
    failures = {}
    for entry in entries:
        told = [complaints[unit] for unit in (*entry["reload"], *entry["restart"]) if unit in complaints]
        if told:
            failures[entry["name"]] = "; ".join(told)
        else:
            begun[entry["name"]].commit()
    return failures


def _nginx_refusal() -> str:
    """What a running nginx has against its configuration, certificates included."""
    if _run("systemctl", "is-active", "--quiet", "nginx.service")[0] != 0:
        return ""
    status, words = _run("nginx", "-t", "-q")
    return words if status != 0 else ""


def _run(*argv: str) -> tuple[int, str]:
    status, out, messages = run(*argv)
    return status, (out + messages).decode(errors="replace").strip()


def guard(settings: dict[str, Any]) -> list[str]:
    """One sentence for every certificate that nobody should rely on; writes metrics where node_exporter reads them."""
    now, alarms, metrics = time.time(), [], []
    directory, declared = settings["directory"], {entry["name"]: entry for entry in settings["certificates"]}
    found = os.listdir(directory) if os.path.isdir(directory) else []
    others = (name for name in found if os.path.lexists(os.path.join(directory, name, CHAIN)))
    for name in sorted({*declared, *(name for name in others if not name.startswith("."))}):
        try:
            with open(os.path.join(directory, name, CHAIN), "rb") as file:
                chain = file.read()
            said = facts(chain)
        except (CertificateError, OSError) as error:
            alarms.append(f"{name}: no certificate can be read: {error}")
            continue
        metrics.append((name, said))
        days = days_left(said.not_after, now)
        if name in declared and chain.startswith(PLACEHOLDER):
            alarms.append(f"{name}: still a self-signed placeholder; nothing was issued")
        elif days < 0:
            alarms.append(f"{name}: expired {-days} days ago")
        elif said.share_left(now) < settings["alarm_share"]:
            alarms.append(f"{name}: expires in {days} days, which should have been renewed long since")
    if os.path.isdir(settings["textfile_directory"]):
        _write_metrics(os.path.join(settings["textfile_directory"], METRICS), metrics)
    return alarms


def _write_metrics(path: str, metrics: list[tuple[str, Any]]) -> None:
    lines = []
    for edge, words in (("before", "begins to be"), ("after", "ceases to be")):
        metric = f"nbops_certificate_not_{edge}_timestamp_seconds"
        lines += [f"# HELP {metric} Time at which a certificate {words} valid.", f"# TYPE {metric} gauge"]
        lines += [f'{metric}{{name="{name}"}} {getattr(said, f"not_{edge}"):.0f}' for name, said in metrics]
    # For everybody: node_exporter is not root.
    atomic.write(path, "\n".join([*lines, ""]).encode(), 0o644)
