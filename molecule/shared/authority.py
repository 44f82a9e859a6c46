"""The test authority of a scenario, as its clients and auditors see it."""

from __future__ import annotations

import hashlib
import json

from visitor import Visitor

ADDRESS = "https://acme.example.net"


def ask(host, path: str, port: int = 15000) -> str:
    """What the authority's management says to a host under test, who trusts its certificate."""
    return host.check_output(
        "curl --silent --show-error --fail --cacert /etc/ssl/acme-ca.pem %s", f"{ADDRESS}:{port}/{path}"
    )


def root(host, port: int = 15000) -> str:
    """The root certificate that vouches for everything the authority issues."""
    return ask(host, "roots/0", port)


def status(host, serial: str) -> str:
    """Whether a certificate is valid or revoked, by its serial number in hexadecimal digits."""
    return json.loads(ask(host, f"cert-status-by-serial/{serial.lower()}"))["Status"]


def on_the_wire(visitor: Visitor, name: str) -> tuple[str, set[str]]:
    """Fingerprint and names of the certificate that a server shows and that the visitor's trust covers."""
    with visitor.connect(name) as connection:
        names = {value for _kind, value in connection.getpeercert()["subjectAltName"]}
        return hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest(), names
