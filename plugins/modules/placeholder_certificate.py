#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: placeholder_certificate
short_description: Make self-signed certificates where there are none yet
version_added: "0.1.0"
author: nbops contributors (@nbops)
description:
  - Makes a self-signed certificate and its key in every directory that holds no certificate, so that a server can start
    before a certificate authority has answered. Files that exist are never overwritten, whoever made them.
  - Removes such a placeholder again when it is used no more; a certificate that is not one is left alone.
  - The key is ECDSA P-256, readable by root alone. The certificate is valid for ten years.
options:
  directory:
    description: Where each certificate has a directory with the files C(fullchain.pem) and C(privkey.pem).
    type: path
    default: /etc/ssl/jupyter
  certificates:
    description: Names of certificates to the list of host names and addresses that each is valid for.
    type: dict
    default: {}
  unused:
    description: Names of certificates that are needed no more.
    type: list
    elements: str
    default: []
  users:
    description: Directory of configuration files; a placeholder in O(unused) whose path stands in one of them is kept.
    type: path
attributes:
  check_mode:
    support: full
    description: Predicts what would be made and removed.
  diff_mode:
    support: none
    description: Keys and certificates are not shown.
requirements:
  - the command C(openssl) on the target, where something is to be made
"""

EXAMPLES = r"""
- name: Let the site start without waiting for its certificate
  nbops.jupyter.placeholder_certificate:
    certificates:
      lab.example.org: [lab.example.org, 192.0.2.10]
"""

RETURN = r"""
created:
  description: Names of the certificates that were or would be made.
  returned: success
  type: list
  elements: str
  sample: [lab.example.org]
removed:
  description: Names of the placeholders that were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import contextlib
import ipaddress
import os
import re

from ansible.module_utils.basic import AnsibleModule

# Readers ignore text outside the PEM blocks. A real certificate that takes the file's place takes the mark away.
MARK = "# Self-signed placeholder of nbops.jupyter. Replace both files, or let a certificate client do it.\n"

DAYS = 3650

REQUEST = """\
[req]
prompt = no
distinguished_name = subject
x509_extensions = extensions
[subject]
O = Self-signed placeholder
CN = {common_name}
[extensions]
subjectAltName = {alternative_names}
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
"""


def alternative_name(host):
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"


def write_new(path, text, mode):
    """Write a file in one step; FileExistsError if there is one already."""
    temporary = path + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(text)
        os.fsync(stream.fileno())
    try:
        os.link(temporary, path)
    finally:
        os.unlink(temporary)


def make(module, directory, name, hosts):
    openssl = module.get_bin_path("openssl", required=True)
    home = os.path.join(directory, name)
    key = os.path.join(home, "privkey.pem")
    os.makedirs(home, mode=0o755, exist_ok=True)
    # A key without its certificate is what an interrupted run leaves.
    if not os.path.lexists(key):
        command = [openssl, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        write_new(key, module.run_command(command, check_rc=True)[1], 0o600)

    # X.509 allows 64 characters in a common name; nobody reads it but people.
    request = REQUEST.format(common_name=name[:64], alternative_names=",".join(map(alternative_name, hosts)))
    command = [openssl, "req", "-x509", "-new", "-key", key, "-sha256", "-days", str(DAYS), "-config", "/dev/stdin"]
    certificate = module.run_command(command, data=request, check_rc=True)[1]
    write_new(os.path.join(home, "fullchain.pem"), MARK + certificate, 0o644)


def is_placeholder(home):
    with contextlib.suppress(FileNotFoundError), open(os.path.join(home, "fullchain.pem"), "rb") as stream:
        return stream.read(len(MARK)) == MARK.encode()
    return False


def is_used(home, users):
    needle = (home + "/").encode()
    for parent, _directories, names in os.walk(users):
        for name in names:
            with contextlib.suppress(FileNotFoundError), open(os.path.join(parent, name), "rb") as stream:
                if needle in stream.read():
                    return True
    return False


def remove(home):
    os.unlink(os.path.join(home, "fullchain.pem"))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(home, "privkey.pem"))
    # Whatever somebody else put there keeps the directories.
    with contextlib.suppress(OSError):
        os.rmdir(home)
        os.rmdir(os.path.dirname(home))


def main():
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "default": "/etc/ssl/jupyter"},
            "certificates": {"type": "dict", "default": {}},
            "unused": {"type": "list", "elements": "str", "default": []},
            "users": {"type": "path"},
        },
        supports_check_mode=True,
    )
    directory = module.params["directory"].rstrip("/")
    needed = module.params["certificates"]
    for word in [*needed, *module.params["unused"], *(host for hosts in needed.values() for host in hosts)]:
        if not re.fullmatch(r"[0-9A-Za-z*:][0-9A-Za-z._*:-]*", word):
            module.fail_json(msg=f"{word!r} is neither a host name nor an address, nor a certificate's name.")

    created = [name for name in needed if not os.path.lexists(os.path.join(directory, name, "fullchain.pem"))]
    removed = []
    for name in module.params["unused"]:
        home = os.path.join(directory, name)
        used = name in needed or (module.params["users"] and is_used(home, module.params["users"]))
        if not used and is_placeholder(home):
            removed.append(name)

    if not module.check_mode:
        for name in created:
            make(module, directory, name, needed[name])
        for name in removed:
            remove(os.path.join(directory, name))
    module.exit_json(changed=bool(created or removed), created=created, removed=removed)


if __name__ == "__main__":
    main()
