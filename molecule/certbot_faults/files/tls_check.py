"""Check which certificate this host's web server shows for NAME; only the authorities of NAME are trusted.

Usage: tls_check.py VERB NAME fails unless
  note      a certificate is served under the name; it is remembered
  kept      the remembered one is served, and stands where servers read it
  unloaded  the remembered one is served, and another stands there
  renewed   the one that stands there is served, and is not the remembered one; it is remembered in its place
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import socket
import ssl
import sys

verb, name = sys.argv[1:]
chain = pathlib.Path("/etc/ssl/jupyter", name, "fullchain.pem").read_text()
first = re.search("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", chain, re.DOTALL)[0]
placed = hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()
memory = pathlib.Path("/root/tls_check", name)
remembered = memory.read_text() if memory.exists() else None

trust = ssl.create_default_context(cafile=f"/root/authorities/{name}.pem")
with socket.create_connection(("127.0.0.1", 443), 30) as plain, trust.wrap_socket(plain, server_hostname=name) as tls:
    served = hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()

true = {
    "note": True,
    "kept": served == remembered == placed,
    "unloaded": served == remembered != placed,
    "renewed": served == placed != remembered,
}
if not true[verb]:
    sys.exit(f"served: {served}, in place: {placed}, remembered: {remembered}")
if verb in ("note", "renewed"):
    memory.write_text(served)
