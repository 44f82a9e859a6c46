# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the module certificates: order what is missing, deploy what differs, remove what is absent."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import deploy as certificate_keeper
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates import placeholder, x509
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
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import ACME, LIVE, SETTINGS
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.preflight import (
    PreflightError,
    check_authority,
    check_names,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.store import CertificateStore
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import CertificateError, require_valid
from ansible_collections.nbops.jupyter.plugins.module_utils._files import atomic
from ansible_collections.nbops.jupyter.plugins.module_utils._files.managed_files import ManagedFiles
from ansible_collections.nbops.jupyter.plugins.module_utils._process import runner

# The keeper runs from here under the collection's own names; the units that the role writes name it.
LIBRARY = "/usr/local/lib/nbops"
PROGRAM = f"{LIBRARY}/certificates.py"
KEEPER = (x509, certificate_keeper, certificate_store, runner, atomic)
HOOK = "/etc/letsencrypt/renewal-hooks/deploy/nbops-certificates"
HOOK_TEXT = """\
#!/bin/sh
# Ansible managed: role nbops.jupyter.certbot. Brings what was renewed to the place that servers read.
exec systemctl start nbops-certificates.service
"""
# What the keeper has to know of an entry.
KEPT = (
    *("name", "method", "webroot", "domains", "group", "reload", "restart"),
    *("days", "authority", "certificate_path", "key_path"),
)
_ACCOUNT = ("server", "email", "ca_bundle", "eab_kid", "eab_hmac_key")


class CertificateRun:
    """`parameters` and `run_command` are an AnsibleModule's. `run` raises OSError where no file of ours can be kept."""

    def __init__(
        self, parameters: dict[str, Any], run_command: Callable[..., tuple[int, str, str]], check_mode: bool
    ) -> None:
        self.failures: dict[str, str] = {}
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
        self._authority: dict[str, PreflightError | None] = {}

    def run(self) -> tuple[dict[str, str], list[str], list[str]]:
        """What was or would be ordered (names to reasons), put in place, and removed (names)."""
        reasons = self._reasons()
        # Before the first order, as certbot calls the hook.
        self._write_files()
        if self._check_mode:
            deployed = [entry["name"] for entry in self._present if entry["name"] in reasons or self._differs(entry)]
            return reasons, deployed, [entry["name"] for entry in self._absent if self._is_removable(entry)]
        for entry in self._present:
            if entry["name"] in reasons:
                self._try(entry, self._order)
        deployed, failures = certificate_keeper.deploy(self._settings(), self._provided())
        self.failures = {**failures, **self.failures}
        for entry in self._present:
            self._try(entry, self._hold_place)
        removed = [
            entry["name"] for entry in self._absent if self._is_removable(entry) and self._try(entry, self._remove)
        ]
        if not any(entry["authority"] for entry in self._settings()["certificates"]):
            CertificateStore(self._directory, certificate_keeper.AUTHORITY).remove()
        self._write_files()
        return {name: why for name, why in reasons.items() if name not in self.failures}, deployed, removed

    def declared(self) -> list[dict[str, Any]]:
        """What the keeper knows of the certificates that are kept on the host."""
        return self._settings()["certificates"]

    def _try(self, entry: dict[str, Any], step: Callable[[dict[str, Any]], None]) -> bool:
        """Whether a step succeeded; what went wrong is kept, and the other certificates go on."""
        try:
            step(entry)
        except (CertbotError, CertificateError, OSError, PreflightError) as error:
            self.failures.setdefault(entry["name"], str(error))
            return False
        return True

    def _reasons(self) -> dict[str, str]:
        reasons = {}
        for entry in self._present:
            if entry["method"] in ACME:
                reasons[entry["name"]] = why_order(entry, self._account, self._orders.get(entry["name"]), time.time())
        return {name: reason for name, reason in reasons.items() if reason}

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
        # At once: whoever is killed from here on need not order again.
        self._write_settings()

    def _check_authority(self, profile: str) -> None:
        """Asks once for each profile: one that is away would let every certificate wait."""
        if profile not in self._authority:
            self._authority[profile] = None
            try:
                check_authority(self._account.directory_url, self._account.ca_bundle, profile)
            except PreflightError as error:
                self._authority[profile] = error
        if error := self._authority[profile]:
            raise error

    def _hold_place(self, entry: dict[str, Any]) -> None:
        """Makes a placeholder where there is nothing; one for other names is a site's, which would want it back."""
        home = os.path.join(self._directory, entry["name"])
        if not os.path.lexists(os.path.join(home, certificate_store.CHAIN)):
            placeholder.make(home, entry["domains"])

    def _provided(self) -> dict[str, tuple[bytes, bytes]]:
        """The pairs that came from the controller and can be used."""
        pairs = {}

        def accept(entry: dict[str, Any]) -> None:
            pair = _brought(entry)
            require_valid(*pair, entry["domains"], time.time())
            pairs[entry["name"]] = pair

        for entry in self._present:
            if entry["method"] == "provided" and entry["certificate"]:
                self._try(entry, accept)
        return pairs

    def _differs(self, entry: dict[str, Any]) -> bool:
        """Whether a certificate that nobody has to be asked for is another than the one in place."""
        store = CertificateStore(self._directory, entry["name"], entry["group"])
        if entry["method"] == "self_signed":
            pair = store.pair()
            made = pair is not None and certificate_keeper.will_do(pair[0], entry, self._directory)
            return not made or not store.is_current(pair)
        if entry["certificate"]:
            return not store.is_current(_brought(entry))
        with contextlib.suppress(OSError, CertificateError):
            pair = certificate_keeper.wanted_pair(entry, self._directory)
            return pair is not None and not store.is_current(pair)
        return False

    def _is_removable(self, entry: dict[str, Any]) -> bool:
        home = os.path.join(self._directory, entry["name"])
        there = os.path.lexists(os.path.join(home, certificate_store.CHAIN))
        # A site of nginx that still names it needs something to start with.
        left = placeholder.is_placeholder(home) and placeholder.is_used(home, "/etc/nginx")
        return (there and not left) or self._is_certbots(entry)

    def _is_certbots(self, entry: dict[str, Any]) -> bool:
        return os.path.lexists(os.path.join(os.path.dirname(LIVE), "renewal", f"{entry['name']}.conf"))

    def _remove(self, entry: dict[str, Any]) -> None:
        """Removes a certificate; one that a site of nginx still uses becomes a placeholder."""
        name = entry["name"]
        if placeholder.is_used(os.path.join(self._directory, name), "/etc/nginx"):
            site = {"name": name, "group": "root", "reload": ["nginx.service"], "restart": []}
            settings = {"directory": self._directory, "certificates": [site]}
            _deployed, failures = certificate_keeper.deploy(settings, {name: placeholder.pair(entry["domains"])})
            if failures:
                raise CertificateError(failures[name])
        else:
            CertificateStore(self._directory, name).remove()
        # Last: as long as it is certbot's, what failed before is done again.
        if self._is_certbots(entry):
            self._certbot.delete(name, revoke=entry["revoke"])
        self._orders.pop(name, None)

    def _settings(self) -> dict[str, Any]:
        """What the keeper works by. An entry that is no longer listed stays, as its certificate does."""
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

    def _write_settings(self) -> None:
        self.files.write(SETTINGS, json.dumps(self._settings(), indent=1) + "\n", 0o600)

    def _write_files(self) -> None:
        settings = self._settings()
        for entry in self._parameters["certificates"]:
            credentials = entry["dns"].get("credentials") if entry["state"] == "present" else None
            if credentials:
                self.files.write(credentials_path(entry["name"]), credentials_text(credentials), 0o600)
            else:
                self.files.remove(credentials_path(entry["name"]))
        if not settings["certificates"]:
            for path in (SETTINGS, HOOK, LIBRARY, CREDENTIALS):
                self.files.remove(path)
            return
        for part in KEEPER:
            path = part.__name__.replace(".", "/")
            self.files.write(f"{LIBRARY}/{path}.py", inspect.getsource(part), 0o644)
        self.files.write(PROGRAM, self._parameters["program"], 0o644)
        self._write_settings()
        if any(entry["method"] in ACME for entry in settings["certificates"]):
            self.files.write(HOOK, HOOK_TEXT, 0o755)
        else:
            self.files.remove(HOOK)


def _brought(entry: dict[str, Any]) -> tuple[bytes, bytes]:
    """The pair that came from the controller with an entry."""
    return entry["certificate"].encode(), entry["key"].encode()


def _settings_before() -> dict[str, Any]:
    try:
        with open(SETTINGS, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}
