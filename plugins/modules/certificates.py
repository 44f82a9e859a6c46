#!/usr/bin/python
# Copyright: (c) 2026, nbops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: certificates
short_description: Certificates from an ACME authority, from files or of our own, at a stable path
version_added: "0.1.0"
author: nbops contributors (@nbops)
extends_documentation_fragment:
  - nbops.jupyter._attributes
description:
  - Brings every certificate to C(<directory>/<name>/fullchain.pem) and C(privkey.pem), and has the services load it.
  - Orders those that are missing, or whose domains or settings changed, from an authority with certbot. One that is
    there and as described costs the authority no request.
  - Installs a program that keeps them without Ansible, for the units that the role writes, and certbot's deploy hook.
  - What goes wrong with one certificate leaves it as it was, a self-signed placeholder if there never was another, and
    does not keep the others from coming.
options:
  certificates:
    description: The certificates, each with all its keys, as the role P(nbops.jupyter.certbot#role) completes them.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Its name., type: str, required: true}
      state: {description: Whether it is there., type: str, choices: [present, absent], default: present}
      domains: {description: Names that it is valid for., type: list, elements: str, default: []}
      method:
        description: Where it comes from.
        type: str
        choices: [webroot, standalone, dns, self_signed, provided]
        default: webroot
      webroot: {description: Directory that a web server serves on port 80., type: path, default: /var/lib/nginx-acme}
      key_type: {description: Kind of the key., type: str, choices: [ecdsa, rsa], default: ecdsa}
      profile: {description: Profile of the authority., type: str, default: ""}
      dns:
        description: How a record gets into the DNS.
        type: dict
        default: {}
        suboptions:
          plugin: {description: Name of certbot's plugin., type: str}
          credentials: {description: What the plugin's file of credentials says., type: dict}
          propagation_seconds: {description: Seconds until the record is seen everywhere., type: int}
          auth_hook: {description: Program that makes the record where there is no plugin., type: path}
          cleanup_hook: {description: Program that removes it., type: path}
      days: {description: Life of a self-signed certificate., type: int, default: 90}
      authority: {description: Sign it by an authority of this host., type: bool, default: false}
      certificate: {description: Text of a provided certificate with its chain., type: str}
      key: {description: Text of a provided key., type: str}
      certificate_path: {description: File on the host with a provided certificate., type: path}
      key_path: {description: File on the host with a provided key., type: path}
      group: {description: Group that may read the key., type: str, default: root}
      reload: {description: Units to reload for a new certificate., type: list, elements: str, default: [nginx.service]}
      restart: {description: Units to restart for a new certificate., type: list, elements: str, default: []}
      revoke: {description: Tell the authority that an absent certificate is void., type: bool, default: false}
  program:
    description: Text of the program that keeps the certificates without Ansible, C(files/certificates.py) of the role.
    type: str
    required: true
  directory:
    description: Where each certificate has a directory.
    type: path
    default: /etc/ssl/jupyter
  certbot:
    description: The program.
    type: path
    default: /usr/bin/certbot
  server:
    description: V(production) or V(staging) of Let's Encrypt, or the URL of another authority's directory.
    type: str
    default: production
  email:
    description: Address for the authority's messages.
    type: str
    default: ""
  ca_bundle:
    description: File on the host with the authorities that vouch for the server's own certificate.
    type: path
    default: ""
  eab_kid:
    description: Name of an account with the authority, where it asks for one.
    type: str
    default: ""
  eab_hmac_key:
    description: Key of that account.
    type: str
    default: ""
  preflight:
    description: Try whether an order can succeed before one is sent.
    type: bool
    default: true
  on_failure:
    description: Whether certificates that could not be had fail the task when all others are served, warn, or are told.
    type: str
    choices: [fail, warn, tell]
    default: fail
  alarm_share:
    description: Share of a certificate's life, below which the guard calls for help.
    type: float
    default: 0.25
  textfile_directory:
    description: Where node_exporter reads metrics from files; nothing is written where it does not exist.
    type: path
    default: /var/lib/prometheus/node-exporter
attributes:
  check_mode:
    support: full
    details: Tells which certificates would be ordered, made, replaced and removed; nobody is asked.
  diff_mode:
    support: none
    details: Keys are never shown.
requirements:
  - the command C(openssl) on the target, and certbot where certificates are ordered
"""

EXAMPLES = r"""
- name: A certificate that a load balancer reads
  nbops.jupyter.certificates:
    program: "{{ lookup('ansible.builtin.file', 'certificates.py') }}"
    email: admin@example.org
    certificates:
      - name: www.example.org
        domains: [www.example.org, example.org]
        method: standalone
        group: haproxy
        reload: [haproxy.service]
"""

RETURN = r"""
ordered:
  description: Names of the certificates that were or would be ordered, to the reason.
  returned: always
  type: dict
  sample: {lab.example.org: its domains are others}
deployed:
  description: Names of the certificates that were or would be put in place or loaded.
  returned: always
  type: list
  elements: str
  sample: [lab.example.org]
removed:
  description: Names of the certificates that were or would be removed.
  returned: always
  type: list
  elements: str
declared:
  description: All certificates that are kept on the host afterwards, those of earlier runs included, without secrets.
  returned: always
  type: list
  elements: dict
distribution_timer:
  description: Whether the distribution's certbot is there and brings a timer that renews.
  returned: always
  type: bool
failures:
  description: What went wrong, by the certificate's name.
  returned: always
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.nbops.jupyter.plugins.module_utils._certificates.reconcile import CertificateRun
from ansible_collections.nbops.jupyter.plugins.module_utils._process.runner import run_by_module

DISTRIBUTION_TIMER = "/usr/lib/systemd/system/certbot.timer"


def specification():
    text = {"type": "str", "default": ""}
    return {
        "certificates": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "name": {"type": "str", "required": True},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "domains": {"type": "list", "elements": "str", "default": []},
                "method": {
                    "type": "str",
                    "choices": ["webroot", "standalone", "dns", "self_signed", "provided"],
                    "default": "webroot",
                },
                "webroot": {"type": "path", "default": "/var/lib/nginx-acme"},
                "key_type": {"type": "str", "choices": ["ecdsa", "rsa"], "default": "ecdsa", "no_log": False},
                "profile": text,
                "dns": {
                    "type": "dict",
                    "default": {},
                    "options": {
                        "plugin": {"type": "str"},
                        "credentials": {"type": "dict", "no_log": True},
                        "propagation_seconds": {"type": "int"},
                        "auth_hook": {"type": "path"},
                        "cleanup_hook": {"type": "path"},
                    },
                },
                "days": {"type": "int", "default": 90},
                "authority": {"type": "bool", "default": False},
                "certificate": {"type": "str"},
                "key": {"type": "str", "no_log": True},
                "certificate_path": {"type": "path"},
                "key_path": {"type": "path", "no_log": False},
                "group": {"type": "str", "default": "root"},
                "reload": {"type": "list", "elements": "str", "default": ["nginx.service"]},
                "restart": {"type": "list", "elements": "str", "default": []},
                "revoke": {"type": "bool", "default": False},
            },
        },
        "program": {"type": "str", "required": True},
        "directory": {"type": "path", "default": "/etc/ssl/jupyter"},
        "certbot": {"type": "path", "default": "/usr/bin/certbot"},
        "server": {"type": "str", "default": "production"},
        "email": text,
        "ca_bundle": {"type": "path", "default": ""},
        "eab_kid": text,
        "eab_hmac_key": {"type": "str", "default": "", "no_log": True},
        "preflight": {"type": "bool", "default": True},
        "on_failure": {"type": "str", "choices": ["fail", "warn", "tell"], "default": "fail"},
        "alarm_share": {"type": "float", "default": 0.25},
        "textfile_directory": {"type": "path", "default": "/var/lib/prometheus/node-exporter"},
    }


def main():
    module = AnsibleModule(argument_spec=specification(), supports_check_mode=True)
    os.umask(0o022)
    run_by_module(module)
    run = CertificateRun(module.params, module.run_command, module.check_mode)
    try:
        ordered, deployed, removed = run.run()
    except OSError as error:
        module.fail_json(msg=f"{error}. The certificates that were there still are.")
    result = {
        "changed": bool(ordered or deployed or removed or run.files.changed),
        "ordered": ordered,
        "deployed": deployed,
        "removed": removed,
        "declared": run.declared(),
        "distribution_timer": os.path.exists(DISTRIBUTION_TIMER),
        "failures": run.failures,
    }
    problems = [f"{name}: {text}" for name, text in run.failures.items()]
    consequence = "What was served before is served still; the next run tries again."
    if problems and module.params["on_failure"] == "fail":
        module.fail_json(msg="\n".join([*problems, consequence]), **result)
    for problem in problems if module.params["on_failure"] == "warn" else []:
        module.warn(f"{problem}\n{consequence}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
