# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders certificates with certbot, and reads its files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.deploy import LIVE
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.x509 import (
    CertificateError,
    facts,
    is_address,
)

SERVERS = {
    "production": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
# certbot's timer renews when a third of the life is left; below this share it has failed.
OVERDUE_SHARE = 0.25
CREDENTIALS = "/etc/letsencrypt/nbops-dns"
_BUSY = "Another instance of Certbot is already running"
_BUSY_SECONDS = 120
# The first version of certbot that can order this, and does so again when it renews.
_NEEDS = {"profile": (4, 1), "an IP address": (5, 3), "an IP address by webroot": (5, 4)}


class CertbotError(Exception):
    """Why certbot or the authority refuses an order."""


@dataclass(frozen=True)
class Account:
    """The authority, and the account with it."""

    server: str
    email: str = ""
    ca_bundle: str = ""
    eab_kid: str = ""
    eab_hmac_key: str = ""

    @property
    def directory_url(self) -> str:
        return SERVERS.get(self.server, self.server)


def needs(entry: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """What an entry needs of certbot, with the first version that can do it."""
    asked = ["profile"] if entry["profile"] else []
    if any(map(is_address, entry["domains"])):
        asked.append("an IP address by webroot" if entry["method"] == "webroot" else "an IP address")
    return {what: _NEEDS[what] for what in asked}


def order(entry: dict[str, Any], account: Account) -> str:
    """A digest of all settings that make a difference to an entry's certificate."""
    keys = ("domains", "method", "key_type", "profile", "webroot", "dns")
    shape = {"server": account.directory_url, **{key: entry[key] for key in keys}}
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def why_order(entry: dict[str, Any], account: Account, ordered: str | None, now: float) -> str:
    """Why a certificate has to be ordered; "" if it has not. `ordered` is the digest of the last order, if any."""
    try:
        with open(os.path.join(LIVE, entry["name"], "fullchain.pem"), "rb") as file:
            said = facts(file.read())
    except (CertificateError, OSError):
        return "there is none yet"
    if not said.is_for(entry["domains"]):
        return "its domains are others"
    if ordered != order(entry, account):
        return "its settings are others"
    if said.share_left(now) < OVERDUE_SHARE:
        return "its renewal is overdue"
    return ""


class Certbot:
    """The program. `run_command` is that of an AnsibleModule."""

    def __init__(self, program: str, run_command: Callable[..., tuple[int, str, str]], account: Account) -> None:
        self._program = program
        self._run_command = run_command
        self._account = account

    def version(self) -> tuple[int, int]:
        """The major and minor version number."""
        _status, out, err = self._run_command([self._program, "--version"])
        found = re.search(r"certbot (\d+)\.(\d+)", out + err)
        if not found:
            raise CertbotError(f"{self._program} does not tell its version: {err.strip()}")
        return int(found[1]), int(found[2])

    def require(self, entry: dict[str, Any]) -> None:
        """Raises CertbotError if this certbot is too old for an entry."""
        asked = needs(entry)
        if not asked:
            return
        have = self.version()
        for what, version in asked.items():
            if have < version:
                raise CertbotError(
                    f"{what} needs certbot {version[0]}.{version[1]}, this host's is {have[0]}.{have[1]}: "
                    "set certbot_source: pypi"
                )

    def issue(self, entry: dict[str, Any]) -> None:
        """Orders a certificate, even if there is a valid one. Raises CertbotError if none is issued."""
        arguments = ["certonly", "--cert-name", entry["name"], "--force-renewal", "--key-type", entry["key_type"]]
        for name in entry["domains"]:
            arguments += ["--ip-address" if is_address(name) else "--domain", name]
        if entry["profile"]:
            arguments += ["--required-profile", entry["profile"]]
        account = self._account
        arguments += ["--email", account.email] if account.email else ["--register-unsafely-without-email"]
        arguments += ["--agree-tos", "--server", account.directory_url, *self._authenticator(entry)]
        with self._private_settings() as settings:
            self._run(*arguments, *settings)

    def delete(self, name: str, *, revoke: bool) -> None:
        """Removes a certificate from certbot, and revokes it if asked to. Raises CertbotError."""
        if revoke:
            self._run("revoke", "--cert-name", name, "--delete-after-revoke", "--server", self._account.directory_url)
        else:
            self._run("delete", "--cert-name", name)

    def _authenticator(self, entry: dict[str, Any]) -> list[str]:
        if entry["method"] == "webroot":
            return ["--webroot", "--webroot-path", entry["webroot"]]
        if entry["method"] == "standalone":
            return ["--standalone"]
        dns = entry["dns"]
        if dns.get("auth_hook"):
            cleanup = ["--manual-cleanup-hook", dns["cleanup_hook"]] if dns.get("cleanup_hook") else []
            return ["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", dns["auth_hook"], *cleanup]
        plugin = f"dns-{dns['plugin']}"
        arguments = ["--authenticator", plugin]
        if dns.get("credentials"):
            arguments += [f"--{plugin}-credentials", credentials_path(entry["name"])]
        if dns.get("propagation_seconds"):
            arguments += [f"--{plugin}-propagation-seconds", str(dns["propagation_seconds"])]
        return arguments

    @contextlib.contextmanager
    def _private_settings(self) -> Iterator[list[str]]:
        """Passes secret options by a file, because everybody can read the arguments of a process."""
        account = self._account
        if not account.eab_kid:
            yield []
            return
        with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:  # 0600
            file.write(f"eab-kid = {account.eab_kid}\neab-hmac-key = {account.eab_hmac_key}\n")
            file.flush()
            yield ["--config", file.name]

    def _run(self, *arguments: str) -> None:
        environment = {"LC_ALL": "C.UTF-8"}
        if self._account.ca_bundle:
            environment["REQUESTS_CA_BUNDLE"] = self._account.ca_bundle
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            argv = [self._program, *arguments, "--non-interactive"]
            status, out, err = self._run_command(argv, environ_update=environment)
            # certbot does not wait for its lock, which the timer's renewal may hold.
            if status == 0 or _BUSY not in out + err or time.monotonic() > deadline:
                break
            time.sleep(1)
        if status != 0:
            raise CertbotError(said_by(out, err))


def credentials_path(name: str) -> str:
    """The path of the credentials of an entry's DNS plugin."""
    return os.path.join(CREDENTIALS, f"{name}.ini")


def credentials_text(credentials: dict[str, Any]) -> str:
    """The text of a credentials file. Values are quoted, because a comma would split them and # start a comment."""
    lines = []
    for key, value in sorted(credentials.items()):
        quote = "'" if '"' in str(value) else '"'
        lines.append(f"{key} = {quote}{value}{quote}\n")
    return "".join(lines)


def said_by(out: str, err: str) -> str:
    """The part of certbot's output that says what went wrong."""
    noise = re.compile(
        r"Saving debug log|Ask for help|See the logfile|^- - |^\s*$|Some challenges have failed|rerun"
        r"|^Account registered|^Requesting a cert"
    )
    lines = [line.strip() for line in (out + "\n" + err).splitlines() if not noise.search(line)]
    return "\n".join(dict.fromkeys(lines)) or "certbot failed without a word"
