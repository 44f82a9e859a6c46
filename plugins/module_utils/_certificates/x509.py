# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads, checks and makes certificates with the program openssl.

python3-cryptography would not do: Debian 12 has a version that cannot verify a chain, and the program on the host needs
no package besides openssl, which nginx and certbot's dependencies bring anyway.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import tempfile
import time
from dataclasses import dataclass

from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run

# The first line of a placeholder. Servers ignore text outside of PEM blocks.
PLACEHOLDER = b"# Self-signed placeholder of nbops.jupyter. Replace both files, or let a certificate client do it.\n"
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
_KEY = {"ecdsa": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]}
_DAY = 86400
# A common name has at most 64 characters; clients use the alternative names.
_REQUEST = """\
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
CN = {common_name}
[extensions]
{extensions}
"""
_LEAF = """\
subjectAltName = {alternative_names}
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
"""
_AUTHORITY = """\
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


class CertificateError(Exception):
    """What is wrong with a certificate or key. The text never contains a part of a key."""


@dataclass(frozen=True)
class Facts:
    """The names of a certificate, normalised and sorted, and its validity in seconds since the epoch."""

    names: tuple[str, ...]
    not_before: float
    not_after: float

    def is_for(self, names: list[str]) -> bool:
        """Whether it is valid for exactly these names."""
        return set(self.names) == set(map(normalise, names))

    def share_left(self, now: float) -> float:
        """The share of its life that is left at a time: 1 at the start, 0 or less after the end."""
        return (self.not_after - now) / (self.not_after - self.not_before)


def openssl(*arguments: str, data: bytes | None = None) -> bytes:
    """The output of openssl. Raises CertificateError with its first message if it fails."""
    status, out, messages = run("openssl", *arguments, data=data)
    if status != 0:
        words = messages.decode(errors="replace").strip().splitlines()
        raise CertificateError(f"openssl {arguments[0]}: {words[0] if words else 'failed without a word'}")
    return out


def normalise(name: str) -> str:
    """A host name or an address in a form that can be compared."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    return ":" in normalise(name) or normalise(name).replace(".", "").isdigit()


def blocks(pem: bytes) -> list[bytes]:
    """The certificates of a PEM text, in order."""
    return _BLOCK.findall(pem)


def facts(pem: bytes) -> Facts:
    """Reads the first certificate of a PEM text. Raises CertificateError if there is none."""
    # A certificate without alternative names lacks the extension, which openssl accepts.
    text = openssl("x509", "-noout", "-startdate", "-enddate", "-ext", "subjectAltName", data=pem).decode()
    names = re.findall(r"(?:DNS|IP Address):([^,\s]+)", text)
    times = dict(re.findall(r"^(notBefore|notAfter)=(.+)$", text, re.MULTILINE))
    return Facts(
        tuple(sorted({normalise(name) for name in names})),
        ssl.cert_time_to_seconds(times["notBefore"]),
        ssl.cert_time_to_seconds(times["notAfter"]),
    )


def require_pair(chain: bytes, key: bytes) -> None:
    """Raises CertificateError unless the key is the first certificate's, and each certificate's issuer the next."""
    certificates = blocks(chain)
    if not certificates:
        raise CertificateError("the certificate's file holds no certificate in PEM form")
    public = openssl("x509", "-noout", "-pubkey", data=certificates[0])
    # With an empty passphrase openssl fails on an encrypted key; without one it would ask on the terminal.
    if openssl("pkey", "-pubout", "-passin", "pass:", data=key) != public:
        raise CertificateError("the private key is not that of the certificate")
    with tempfile.TemporaryDirectory() as folder:
        issuer = os.path.join(folder, "issuer.pem")
        for certificate, parent in zip(certificates, certificates[1:]):
            with open(issuer, "wb") as file:
                file.write(parent)
            try:
                openssl("verify", "-partial_chain", "-no_check_time", "-CAfile", issuer, data=certificate)
            except CertificateError:
                message = "the certificates are not in order: each must be followed by the one that issued it"
                raise CertificateError(message) from None


def require_valid(chain: bytes, key: bytes, names: list[str], now: float) -> None:
    """Raises CertificateError unless key and chain belong together, valid for all names and not expired at a time."""
    require_pair(chain, key)
    said = facts(chain)
    if said.not_after < now:
        ended = time.strftime("%Y-%m-%d", time.gmtime(said.not_after))
        raise CertificateError(f"the provided certificate expired on {ended}; provide a valid one")
    missing = sorted(set(map(normalise, names)) - set(said.names))
    if missing:
        raise CertificateError(
            f"the provided certificate is valid for {', '.join(said.names)} and not for {', '.join(missing)}; "
            "correct domains, or provide another one"
        )


def make_key(kind: str) -> bytes:
    """A new private key: "ecdsa" on the curve P-256, or "rsa" with 2048 bits."""
    return openssl("genpkey", "-algorithm", *_KEY[kind])


def make_certificate(
    names: list[str], days: int, key: bytes, issuer: tuple[bytes, bytes] | None = None, *, authority: bool = False
) -> bytes:
    """A certificate for a key, self-signed or signed by an issuer (certificate and key, both PEM).

    It is valid from now on for a number of days. For an `authority`, the first name is its title.
    """
    alternative = ",".join(f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in names)
    extensions = _AUTHORITY if authority else _LEAF.format(alternative_names=alternative)
    with tempfile.TemporaryDirectory() as folder:  # 0700

        def put(name: str, data: bytes) -> str:
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(data)
            return path

        request = _REQUEST.format(common_name=names[0][:64], extensions=extensions)
        arguments = ["-config", put("request.cnf", request.encode()), "-key", put("key.pem", key)]
        if issuer is None:
            return openssl("req", "-x509", "-new", "-sha256", "-days", str(days), *arguments)
        csr = put("csr.pem", openssl("req", "-new", "-sha256", *arguments))
        signing = ["-CA", put("ca.pem", issuer[0]), "-CAkey", put("ca.key", issuer[1]), "-CAcreateserial"]
        signing += ["-days", str(days), "-extfile", put("leaf.cnf", extensions.encode())]
        return openssl("x509", "-req", "-sha256", "-in", csr, *signing) + issuer[0]


def days_left(not_after: float, now: float) -> int:
    """Whole days until a time, both in seconds since the epoch; negative if it has passed."""
    return int((not_after - now) // _DAY)
