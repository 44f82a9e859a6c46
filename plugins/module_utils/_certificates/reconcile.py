# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module certificates: order what is missing, deploy what differs, remove what is absent."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy, placeholder, x509
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import store as certificate_store
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.certbot import (
    CREDENTIALS,
    Account,
    Certbot,
    CertbotError,
    credentials_path,
    credentials_text,
    order,
    why_order,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import ACME, LIVE, SETTINGS, Pair
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.preflight import (
    PreflightError,
    check_authority,
    check_names,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import CertificateStore
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import CertificateError, require_valid
from ansible_collections.nbops.jupyter.plugins.module_utils._files import (
    atomic,
    beneath,
    locks,
    pending,
    read,
    textfile,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._files.programs import write_program
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner

# The program runs from here, and imports the collection's modules by their own names. The role's units name it.
LIBRARY = "/usr/local/lib/nbops"
PROGRAM = f"{LIBRARY}/certificates.py"
PROGRAM_MODULES = (x509, deploy, certificate_store, runner, atomic, beneath, locks, pending, read, textfile)
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/nbops-certificates"
HOOK_TEXT = """\
#!/bin/sh
# Ansible managed: role nbops.jupyter.certbot. Deploys renewed certificates to where servers read them.
exec systemctl start nbops-certificates.service
"""
# What the program has to know of an entry.
KEPT = (
    *("name", "method", "webroot", "domains", "group", "reload", "restart"),
    *("days", "authority", "certificate_path", "key_path"),
)
_ACCOUNT = ("server", "email", "ca_bundle", "eab_kid", "eab_hmac_key")
_NGINX = "/etc/nginx"


class SettingsError(Exception):
    """What the last run has kept is damaged; the text says what to do."""


@dataclass(frozen=True)
class Outcome:
    """What a run did or would do: names of orders to their reasons, names of certificates, and errors by name."""

    ordered: dict[str, str]
    deployed: list[str]
    removed: list[str]
    failures: dict[str, str]


class CertificateRun:
    """`parameters` and `run_command` are an AnsibleModule's. `run` raises OSError if a file of ours cannot be written.

    Raises OSError and SettingsError where what the last run has kept cannot be read, or is damaged.

    `files` says whether such a file changed.
    """

    def __init__(
        self, parameters: dict[str, Any], run_command: Callable[..., tuple[int, str, str]], check_mode: bool
    ) -> None:
        self.files = ManagedFiles(check_mode)
        self._parameters = parameters
        self._check_mode = check_mode
        self._directory = parameters["directory"].rstrip("/")
        self._account = Account(**{key: parameters[key] for key in _ACCOUNT})
        self._certbot = Certbot(parameters["certbot"], run_command, self._account)
        self._present = [entry for entry in parameters["certificates"] if entry["state"] == "present"]
        self._absent = [entry for entry in parameters["certificates"] if entry["state"] == "absent"]
        self._before = _settings_before()
        self._orders = dict(self._before.get("orders", {}))
        self._failures: dict[str, str] = {}
        self._authority: dict[str, PreflightError | None] = {}

    def run(self) -> Outcome:
        """Orders, deploys and removes. In check mode only predicts it."""
        provided = self._provided()
        plan = self._plan(provided)
        # Before the first order, because certbot calls the hook. In check mode, this only predicts as well.
        self._write_files()
        return plan if self._check_mode else self._apply(plan, provided)

    def declared(self) -> list[dict[str, Any]]:
        """The settings of all certificates that are kept on the host."""
        return self._settings()["certificates"]

    def _plan(self, provided: dict[str, Pair]) -> Outcome:
        reasons = {
            entry["name"]: why_order(entry, self._account, self._orders.get(entry["name"]), time.time())
            for entry in self._present
            if entry["method"] in ACME
        }
        ordered = {name: reason for name, reason in reasons.items() if reason}
        to_do, failures = deploy.due(self._settings(), provided)
        return Outcome(
            ordered=ordered,
            deployed=sorted({*ordered, *(certificate.entry["name"] for certificate in to_do)}),
            removed=[entry["name"] for entry in self._absent if self._is_removable(entry)],
            failures={**failures, **self._failures},
        )

    def _apply(self, plan: Outcome, provided: dict[str, Pair]) -> Outcome:
        for entry in self._present:
            if entry["name"] in plan.ordered:
                self._try(entry, self._order)
        # Without a change, the plan has compared everything already.
        deployed, failures = [], plan.failures
        if plan.deployed:
            deployed, failures = deploy.deploy(self._settings(), provided)
        self._failures = {**failures, **self._failures}
        for entry in self._present:
            self._try(entry, self._make_placeholder)
        removed = [
            entry["name"] for entry in self._absent if entry["name"] in plan.removed and self._try(entry, self._remove)
        ]
        if not any(entry["authority"] for entry in self.declared()):
            CertificateStore(self._directory, deploy.AUTHORITY).remove()
        self._write_files()
        ordered = {name: reason for name, reason in plan.ordered.items() if name not in self._failures}
        return Outcome(ordered, deployed, removed, self._failures)

    def _try(self, entry: dict[str, Any], step: Callable[[dict[str, Any]], None]) -> bool:
        """Whether a step succeeded. An error is kept, and does not stop the other certificates."""
        try:
            step(entry)
        except (CertbotError, CertificateError, OSError, PreflightError) as error:
            self._failures.setdefault(entry["name"], str(error))
            return False
        return True

    def _provided(self) -> dict[str, Pair]:
        """The valid pairs whose texts came from the controller, by name."""
        pairs = {}

        def validate(entry: dict[str, Any]) -> None:
            pair = entry["certificate"].encode(), entry["key"].encode()
            require_valid(*pair, entry["domains"], time.time())
            pairs[entry["name"]] = pair

        for entry in self._present:
            if entry["method"] == "provided" and entry["certificate"]:
                self._try(entry, validate)
        return pairs

    def _order(self, entry: dict[str, Any]) -> None:
        self._certbot.require(entry)
        if entry["method"] == "webroot":
            certificate_store.make_directory(entry["webroot"])
        if self._parameters["preflight"]:
            self._check_authority(entry["profile"])
            if entry["method"] != "dns":
                check_names(entry)
        self._certbot.issue(entry)
        self._orders[entry["name"]] = order(entry, self._account)
        # At once, so that a run that is killed later does not order again.
        self._write_settings()

    def _check_authority(self, profile: str) -> None:
        """Asks the authority once for each profile, because each certificate would wait for one that is down."""
        if profile not in self._authority:
            self._authority[profile] = None
            try:
                check_authority(self._account.directory_url, self._account.ca_bundle, profile)
            except PreflightError as error:
                self._authority[profile] = error
        if error := self._authority[profile]:
            raise error

    def _make_placeholder(self, entry: dict[str, Any]) -> None:
        """Makes a placeholder if there is no file. A placeholder for other names stays, because a site made it."""
        home = os.path.join(self._directory, entry["name"])
        if not os.path.lexists(os.path.join(home, certificate_store.CHAIN)):
            placeholder.make(home, entry["domains"])

    def _is_removable(self, entry: dict[str, Any]) -> bool:
        home = os.path.join(self._directory, entry["name"])
        exists = os.path.lexists(os.path.join(home, certificate_store.CHAIN))
        # nginx needs the placeholder to start as long as one of its sites names it.
        is_needed = placeholder.is_placeholder(home) and placeholder.is_used(home, _NGINX)
        return (exists and not is_needed) or self._is_known_to_certbot(entry)

    def _is_known_to_certbot(self, entry: dict[str, Any]) -> bool:
        return os.path.lexists(os.path.join(os.path.dirname(LIVE), "renewal", f"{entry['name']}.conf"))

    def _remove(self, entry: dict[str, Any]) -> None:
        """Removes a certificate, or replaces it by a placeholder if a site of nginx still uses it."""
        name = entry["name"]
        if placeholder.is_used(os.path.join(self._directory, name), _NGINX):
            site = {"name": name, "group": "root", "reload": ["nginx.service"], "restart": []}
            settings = {"directory": self._directory, "certificates": [site]}
            _deployed, failures = deploy.deploy(settings, {name: placeholder.pair(entry["domains"])})
            if failures:
                raise CertificateError(failures[name])
        else:
            CertificateStore(self._directory, name).remove()
        # Last, because the next run repeats the removal of a certificate that certbot still knows.
        if self._is_known_to_certbot(entry):
            self._certbot.delete(name, revoke=entry["revoke"])
        self._orders.pop(name, None)

    def _settings(self) -> dict[str, Any]:
        """The program's settings. An entry that is no longer listed stays, and so does its certificate."""
        listed = {entry["name"] for entry in self._parameters["certificates"]}
        entries = [entry for entry in self._before.get("certificates", []) if entry["name"] not in listed]
        entries += [{key: entry[key] for key in KEPT} for entry in self._present]
        return {
            "directory": self._directory,
            "alarm_share": self._parameters["alarm_share"],
            "textfile_directory": self._parameters["textfile_directory"],
            "certificates": sorted(entries, key=lambda entry: entry["name"]),
            "orders": {name: self._orders[name] for name in sorted(self._orders)},
        }

    def _write_files(self) -> None:
        self._write_credentials()
        declared = self.declared()
        if not declared:
            for path in (SETTINGS, HOOK, LIBRARY, CREDENTIALS):
                self.files.remove(path)
            return
        write_program(self.files, PROGRAM, self._parameters["program"], PROGRAM_MODULES)
        self._write_settings()
        if any(entry["method"] in ACME for entry in declared):
            self.files.write(HOOK, HOOK_TEXT, 0o755)
        else:
            self.files.remove(HOOK)

    def _write_credentials(self) -> None:
        for entry in self._parameters["certificates"]:
            credentials = entry["dns"].get("credentials") if entry["state"] == "present" else None
            if credentials:
                self.files.write(credentials_path(entry["name"]), credentials_text(credentials), 0o600)
            else:
                self.files.remove(credentials_path(entry["name"]))

    def _write_settings(self) -> None:
        self.files.write(SETTINGS, json.dumps(self._settings(), indent=1) + "\n", 0o600)


def _settings_before() -> dict[str, Any]:
    """What the last run has kept. Raises OSError, and SettingsError for a damaged file.

    Taken for an empty one, certificates that other plays list would be renewed no more, and the others ordered again.
    """
    text = read.read_or_none(SETTINGS)
    try:
        found = {} if text is None else json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SettingsError(
            f"{SETTINGS} is damaged; restore it from a backup, or remove it and run every play that lists certificates "
            "of this host, which orders each anew"
        )
    return found
